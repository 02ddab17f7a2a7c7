import type { Tone } from './line.ts';

/** How meanings look. Colour is one carrier among others: words and marks say the same. */

export interface Style {
  color?: string;
  bold?: boolean;
  dimColor?: boolean;
  inverse?: boolean;
}

export interface Theme {
  ascii: boolean;
  screenReader: boolean;
  style: (tone: Tone) => Style;
}

const coloured: Record<Tone, Style> = {
  plain: {},
  muted: { dimColor: true },
  strong: { bold: true },
  good: { color: 'green' },
  warning: { color: 'yellow' },
  bad: { color: 'red', bold: true },
  accent: { color: 'cyan' },
  selected: { inverse: true },
  live: { color: 'red', bold: true, inverse: true },
  harmless: { color: 'green', bold: true, inverse: true },
};

const colourless: Record<Tone, Style> = {
  plain: {},
  muted: {},
  strong: { bold: true },
  good: {},
  warning: { bold: true },
  bad: { bold: true },
  accent: {},
  selected: { inverse: true },
  live: { bold: true, inverse: true },
  harmless: { bold: true, inverse: true },
};

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0' && value !== 'false';
}

/**
 * The theme the environment asks for: NO_COLOR, TENANT_DR_ASCII (or a locale that is not UTF-8),
 * TENANT_DR_SCREEN_READER (or Ink's INK_SCREEN_READER).
 */
export function themeFrom(env: Record<string, string | undefined>): Theme {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG;
  const otherCharset = locale !== undefined && locale !== '' && !/utf-?8/i.test(locale);
  const ascii = env.TENANT_DR_ASCII === undefined ? otherCharset : isSet(env.TENANT_DR_ASCII);
  const styles = isSet(env.NO_COLOR) ? colourless : coloured;
  return {
    ascii,
    screenReader: isSet(env.TENANT_DR_SCREEN_READER) || isSet(env.INK_SCREEN_READER),
    style: (tone) => styles[tone],
  };
}
