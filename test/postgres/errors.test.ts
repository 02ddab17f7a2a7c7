import { DatabaseError } from 'pg';
import { expect, test } from 'vitest';
import { translate } from '../../src/databases/postgres/errors.ts';

/** What a server says, as the driver hands it on. */
function said(code: string, message: string, routine: string) {
  return translate(Object.assign(new DatabaseError(message, 0, 'error'), { code, routine }), 'Database x');
}

test.each([
  ['query would be affected by row-level security policy for table "jobs"'],
  ['Policy für Sicherheit auf Zeilenebene für Tabelle »jobs« würde Auswirkung auf die Anfrage haben'],
  ['la requête pourrait être affectée par la politique de sécurité au niveau ligne pour la table « jobs »'],
])('hidden rows are known whatever language the server speaks: %s', (message) => {
  expect(said('42501', message, 'check_enable_rls')).toMatchObject({ code: 'hidden-rows', table: 'jobs' });
});

test.each([
  ['22P02', 'invalid input syntax for type integer: "secret"', 'invalid input syntax for type integer'],
  ['22P02', 'ungültige Eingabesyntax für Typ integer: »secret«', 'ungültige Eingabesyntax für Typ integer'],
  ['22021', 'invalid byte sequence for encoding "UTF8": 0xf6 secret', 'invalid byte sequence for encoding …'],
  ['22003', 'value "secret" is out of range for type integer', 'value … is out of range for type integer'],
])('a value of a row stays out of the error: %s %s', (code, message, words) => {
  const error = said(code, message, 'anything');
  expect(error.message).toContain(words);
  expect(error.message).not.toContain('secret');
});
