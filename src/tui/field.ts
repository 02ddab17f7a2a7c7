/** A line of text being typed: a value and a cursor, both in characters as people count them. */

export interface Field {
  value: string;
  /** Position before which the next character goes, counted in graphemes. */
  cursor: number;
}

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const split = (text: string): string[] => [...segmenter.segment(text)].map((part) => part.segment);

export const emptyField: Field = { value: '', cursor: 0 };

export function fieldOf(value: string): Field {
  return { value, cursor: split(value).length };
}

// Line breaks and control characters have no place in one line of text; a pasted final newline is dropped too.
const unwanted = /[\p{Cc}\u2028\u2029]+/gu;

/** Typed or pasted text goes in at the cursor; line breaks inside a paste become spaces. */
export function insert(field: Field, text: string): Field {
  const clean = text
    .replace(/[\r\n]+$/u, '')
    .replace(/[\r\n\t]+/gu, ' ')
    .replace(unwanted, '');
  if (clean === '') return field;
  const all = split(field.value);
  const before = all.slice(0, field.cursor).join('') + clean;
  return { value: before + all.slice(field.cursor).join(''), cursor: split(before).length };
}

/** What an editing key does to the field. */
export function editField(field: Field, key: string): Field {
  const all = split(field.value);
  switch (key) {
    case 'left':
      return { ...field, cursor: Math.max(0, field.cursor - 1) };
    case 'right':
      return { ...field, cursor: Math.min(all.length, field.cursor + 1) };
    case 'home':
      return { ...field, cursor: 0 };
    case 'end':
      return { ...field, cursor: all.length };
    case 'ctrl+u':
      return emptyField;
    case 'backspace':
      if (field.cursor === 0) return field;
      return {
        value: [...all.slice(0, field.cursor - 1), ...all.slice(field.cursor)].join(''),
        cursor: field.cursor - 1,
      };
    default:
      return field;
  }
}

/** The field around its cursor: before, under, after. */
export function aroundCursor(field: Field): { before: string; under: string; after: string } {
  const all = split(field.value);
  return {
    before: all.slice(0, field.cursor).join(''),
    under: all[field.cursor] ?? ' ',
    after: all.slice(field.cursor + 1).join(''),
  };
}
