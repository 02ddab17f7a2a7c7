import type { Finding as PortFinding } from '../../engine/port.ts';
import type { ErrorCode } from '../../errors.ts';

/** One thing doctor looked at. */
export interface Finding extends PortFinding {
  /** Of an error: what it would stop with. */
  code?: ErrorCode;
}

export function fine(name: string, detail: string): Finding {
  return { name, ok: true, level: 'ok', detail };
}

export function warning(name: string, detail: string, hint: string): Finding {
  return { name, ok: false, level: 'warning', detail, hint };
}

export function failure(code: ErrorCode, name: string, detail: string, hint: string): Finding {
  return { name, ok: false, level: 'error', detail, hint, code };
}
