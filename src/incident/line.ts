import { hash } from 'node:crypto';
import { TenantDrError } from '../errors.ts';
import { type Entry, parseEntry } from './events.ts';

/**
 * The form of one journal line: a JSON object that ends in `"prev"`, the sha256 of the line before, and `"sum"`,
 * the sha256 of the bytes before it. `prev` makes removing, inserting or reordering show; `sum` lets the
 * last line, which nothing follows yet, defend itself.
 */

/** `prev` of the first line. */
export const genesis = '0'.repeat(64);

const sumStart = ',"sum":"';
const sumEnd = '"}';
const sumLength = sumStart.length + 64 + sumEnd.length;

export function sha256(bytes: Uint8Array | string): string {
  return hash('sha256', bytes, 'hex');
}

/** The line for an entry, without newline. */
export function encodeLine(entry: Record<string, unknown>, prev: string): string {
  const body = JSON.stringify({ ...entry, prev }).slice(0, -1);
  return `${body}${sumStart}${sha256(body)}${sumEnd}`;
}

/**
 * Reads one complete line and checks it against its own sum, its number and the line before.
 * Throws TenantDrError journal-damaged naming the line.
 */
export function decodeLine(bytes: Buffer, number: number, prev: string): Entry {
  const body = bytes.subarray(0, Math.max(0, bytes.length - sumLength));
  const sum = bytes.toString('latin1', body.length);
  if (!sum.startsWith(sumStart) || !sum.endsWith(sumEnd)) throw damaged(number, 'does not end in a checksum');
  if (sum !== `${sumStart}${sha256(body)}${sumEnd}`)
    throw damaged(number, 'was changed after it was written');
  const entry = parse(parseJson(bytes.toString('utf8'), number), number);
  if (entry.prev !== prev) {
    throw damaged(number, 'does not follow the line before it: a line is missing, added or changed');
  }
  if (entry.seq !== number) throw damaged(number, `carries number ${entry.seq}`);
  return entry;
}

/** A line that was complete once: a tail holding one cannot be a write cut short. */
export function holdsSum(text: string): boolean {
  return /,"sum":"[0-9a-f]{64}"\}./s.test(text);
}

function parseJson(text: string, number: number): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw damaged(number, 'is not JSON', cause);
  }
}

function parse(value: unknown, number: number): Entry {
  try {
    return parseEntry(value);
  } catch (cause) {
    if (cause instanceof TenantDrError) throw damaged(number, cause.message, cause, cause.hint);
    throw cause;
  }
}

export function damaged(number: number, what: string, cause?: unknown, hint?: string): TenantDrError {
  return new TenantDrError('journal-damaged', `Line ${number} of the journal ${what}. Nothing was changed.`, {
    hint:
      hint ??
      'The lines before it can still be read with "report". Compare with the copy in the mirror; safety copies are separate files and stay usable.',
    facts: { line: number },
    cause,
  });
}
