import type { Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';

/**
 * A pooler in transaction mode, in small: every client gets two server connections, and each transaction the other
 * one. It tells a process id of its own, as PgBouncer does.
 */
export async function startPooler(
  port: number,
): Promise<{ port: number; said: () => string; close(): void }> {
  let said = '';
  const sockets: Socket[] = [];
  const server: Server = createServer((client) => {
    const backends = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')] as const;
    sockets.push(client, ...backends);
    for (const socket of [client, ...backends]) socket.on('error', () => client.destroy());
    let current = 0;
    client.on('data', (chunk) => {
      said += chunk.toString('latin1');
      const first = client.bytesRead === chunk.length;
      if (first) for (const backend of backends) backend.write(chunk);
      else (backends[current] as Socket).write(chunk);
    });
    client.on('close', () => {
      for (const backend of backends) backend.destroy();
    });
    for (const [i, backend] of backends.entries()) {
      let rest = Buffer.alloc(0);
      let started = false;
      backend.on('data', (chunk) => {
        rest = Buffer.concat([rest, chunk]);
        while (rest.length >= 5 && rest.length >= 1 + rest.readUInt32BE(1)) {
          const message = Buffer.from(rest.subarray(0, 1 + rest.readUInt32BE(1)));
          rest = rest.subarray(message.length);
          const type = String.fromCharCode(message[0] as number);
          if (type === 'K') message.writeUInt32BE(4242, 5);
          if (started || i === 0) client.write(message);
          if (type !== 'Z') continue;
          if (started && String.fromCharCode(message[5] as number) === 'I') current = 1 - current;
          started = true;
        }
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    /** All that clients sent. */
    said: () => said,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
