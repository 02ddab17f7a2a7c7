import type { Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';

/**
 * A way to a server that is cut at the COMMIT of a restore (its transaction is the one that says READ WRITE):
 * `before` the server hears of it, or `after`, so that only the answer is lost.
 */
export async function severedAtCommit(
  port: number,
  when: 'before' | 'after',
): Promise<{ port: number; close(): void }> {
  const sockets: Socket[] = [];
  const server: Server = createServer((client) => {
    const backend = connect(port, '127.0.0.1');
    sockets.push(client, backend);
    for (const [one, other] of [
      [client, backend],
      [backend, client],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
    let changing = false;
    let cut = false;
    client.on('data', (chunk: Buffer) => {
      changing ||= chunk.includes('READ WRITE');
      cut = changing && chunk.includes('COMMIT\0');
      if (!cut || when === 'after') backend.write(chunk);
      if (cut && when === 'before') client.destroy();
    });
    backend.on('data', (chunk: Buffer) => {
      if (cut) client.destroy();
      else client.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
