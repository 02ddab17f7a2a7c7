/**
 * What a record says under a name that a database, a person or a tenant chose. Every object has a "constructor":
 * a table or tenant of that name has one only where the record says so.
 */
export function own<Value>(
  record: Readonly<Record<string, Value>> | null | undefined,
  name: string,
): Value | undefined {
  return record && Object.hasOwn(record, name) ? record[name] : undefined;
}
