import { distance } from 'fastest-levenshtein';
import { z } from '../zod.ts';

/** One thing wrong in a value that was checked against a schema, in words. */
export interface Complaint {
  path: PropertyKey[];
  /** For an unknown key: the key itself, so that its own line can be found. */
  key?: string;
  message: string;
  hint?: string;
}

/** zod's issues as sentences; unknown keys and words come with the nearest known one. */
export function explain(schema: z.ZodType, error: z.ZodError): Complaint[] {
  return error.issues.flatMap((issue) => explainIssue(schema, issue, []));
}

function explainIssue(schema: z.ZodType, issue: z.core.$ZodIssue, above: PropertyKey[]): Complaint[] {
  const path = [...above, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, path);
    return issue.keys.map((key) => ({
      path,
      key,
      message: `${pathText([...path, key])} is not a key this file can have`,
      hint: nearestHint(key, known) ?? `keys here: ${known.join(', ')}`,
    }));
  }
  if (issue.code === 'invalid_union') {
    const branch = likeliestBranch(issue.errors);
    const words = branch?.flatMap((inner) =>
      inner.code === 'invalid_value' && inner.path.length === 0 ? inner.values : [],
    );
    const keys = keysAt(schema, path);
    if (words && words.length > 0 && keys.length > 0) {
      const message = `${pathText(path)} must be ${words.map(String).join(', ')}, or have some of the keys ${keys.join(', ')}`;
      return [{ path, message }];
    }
    if (branch) return branch.flatMap((inner) => explainIssue(schema, inner, path));
  }
  if (issue.code === 'invalid_value') {
    const words = issue.values.map(String);
    return [{ path, message: `${pathText(path)} must be one of ${words.join(', ')}` }];
  }
  return [{ path, message: `${pathText(path)}: ${lowered(issue.message)}` }];
}

/** Of a union's branches, the one the value was meant for: the one that got furthest into it. */
function likeliestBranch(branches: z.core.$ZodIssue[][]): z.core.$ZodIssue[] | undefined {
  const shapeFits = branches.filter(
    (issues) => !issues.some((issue) => issue.path.length === 0 && issue.code === 'invalid_type'),
  );
  const meant = shapeFits.filter(
    (issues) => !issues.some((issue) => issue.path.length === 0 && issue.code === 'invalid_value'),
  );
  return meant[0] ?? shapeFits[0];
}

/** Keys an object at this path may have; several where a union allows several shapes. */
function keysAt(schema: z.ZodType, path: PropertyKey[]): string[] {
  let at: z.ZodType[] = [schema];
  for (const step of path) at = at.flatMap(unwrapped).flatMap((one) => below(one, step));
  return [
    ...new Set(
      at.flatMap(unwrapped).flatMap((one) => (one instanceof z.ZodObject ? Object.keys(one.shape) : [])),
    ),
  ];
}

function below(schema: z.ZodType, step: PropertyKey): z.ZodType[] {
  if (schema instanceof z.ZodObject) return [schema.shape[step as string]].filter((one) => one !== undefined);
  if (schema instanceof z.ZodRecord) return [schema.valueType as z.ZodType];
  if (schema instanceof z.ZodArray) return [schema.element as z.ZodType];
  return [];
}

/** Looks through defaults, optionals, transforms and unions. */
function unwrapped(schema: z.ZodType): z.ZodType[] {
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((one) => unwrapped(one as z.ZodType));
  if (schema instanceof z.ZodPipe) return unwrapped(schema.in as z.ZodType);
  if (
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable
  ) {
    return unwrapped(schema.unwrap() as z.ZodType);
  }
  return [schema];
}

/** `ownership.tables.jobs.restore`, `checks[0].sql` */
export function pathText(path: PropertyKey[]): string {
  if (path.length === 0) return 'the file';
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? String(step) : `${text}.${String(step)}`;
  }, '');
}

/** `did you mean plans?`, where a known word is near. */
export function nearestHint(word: string, known: string[]): string | undefined {
  const nearest = nearestOf(word, known);
  return nearest === undefined ? undefined : `did you mean ${nearest}?`;
}

/** The known word a typo was most likely meant to be; undefined when none is near. */
export function nearestOf(word: string, known: readonly string[]): string | undefined {
  const far = Math.max(2, Math.ceil(word.length / 3));
  const ranked = known
    .map((one) => ({ one, distance: distance(word.toLowerCase(), one.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best && best.distance <= far ? best.one : undefined;
}

function lowered(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}
