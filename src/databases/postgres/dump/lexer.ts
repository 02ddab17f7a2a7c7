/** One step of reading plain SQL: a statement, or a psql command line (`\restrict …`). */
export interface Statement {
  text: string;
  meta: boolean;
}

/** Statements longer than this keep only their beginning: large objects and comments are of no interest here. */
const kept = 1 << 20;

/**
 * Cuts plain SQL into statements. Knows strings, dollar quotes, quoted names and comments, so that a line of a
 * function body or a comment that looks like a COPY is not taken for one.
 */
export class Lexer {
  private text = '';
  private statement = '';
  /** The closing mark of what we are inside of; '' at top level. */
  private inside = '';
  private backslashes = false;
  /** How many comments are open, one in the other. */
  private depth = 0;

  /** Adds text (latin1) and gives back statements until one is a COPY FROM stdin, after which data follows. */
  push(text: string): void {
    this.text += text;
  }

  /** The next complete statement; null when more text is needed. */
  next(): Statement | null {
    let at = 0;
    const { text } = this;
    const consume = (to: number): void => {
      if (this.statement.length < kept) this.statement += text.slice(at, to);
      at = to;
    };
    while (at < text.length) {
      if (this.inside !== '') {
        // All but what may be a mark cut in half is done with: what is inside may be most of the file.
        consume(this.closing(text, at));
        if (this.inside === '') continue;
        this.text = text.slice(at);
        return null;
      }
      if (this.statement === '' && /\s/.test(text[at] as string)) {
        at++;
        continue;
      }
      // psql takes one for a command wherever it stands outside of quotes.
      if (text[at] === '\\') {
        const end = text.indexOf('\n', at);
        if (end < 0) break;
        const meta = { text: text.slice(at, end), meta: true };
        this.text = text.slice(end + 1);
        return meta;
      }
      // A mark of two characters must not be cut in half.
      if (at + 1 === text.length && '-/$'.includes(text[at] as string)) break;
      if (text.startsWith('--', at)) {
        const end = text.indexOf('\n', at);
        if (end < 0) break;
        at = end + 1;
        continue;
      }
      if (text.startsWith('/*', at)) {
        this.inside = '*/';
        this.depth = 1;
        consume(at + 2);
        continue;
      }
      const character = text[at] as string;
      if (character === "'" || character === '"') {
        this.inside = character;
        this.backslashes = character === "'" && /(?:^|[^\w$])[eE]$/.test(this.statement.slice(-2));
        consume(at + 1);
        continue;
      }
      if (character === '$') {
        const tag = /^\$(?:[A-Za-z_\u0080-\u00ff][\w\u0080-\u00ff]*)?\$/.exec(text.slice(at, at + 80));
        if (!tag && text.length - at < 80 && !text.slice(at + 1).match(/[^\w\u0080-\u00ff]/)) break;
        if (tag && !/[\w$]$/.test(this.statement.slice(-1))) {
          this.inside = tag[0];
          consume(at + tag[0].length);
          continue;
        }
      }
      if (character === ';') {
        const statement = { text: this.statement.trim(), meta: false };
        this.statement = '';
        this.text = text.slice(at + 1);
        return statement;
      }
      const stop = nextMark(text, at + 1);
      consume(stop);
    }
    this.text = text.slice(at);
    return null;
  }

  /** Text not consumed yet: after COPY … FROM stdin it is the beginning of the data. */
  drain(): string {
    const { text } = this;
    this.text = '';
    return text;
  }

  /** Nothing but blanks is left over. */
  get idle(): boolean {
    return this.inside === '' && this.statement.trim() === '' && this.text.trim() === '';
  }

  /** Position after the closing mark; while it is not in the text, `inside` stays, and all before the position is inside. */
  private closing(text: string, from: number): number {
    if (this.inside === '*/') return this.closeComment(text, from);
    const quoted = this.inside.length === 1;
    for (let at = from; ; ) {
      const end = text.indexOf(this.inside, at);
      if (end < 0)
        return Math.max(at, this.backslashes ? beforeBackslashes(text) : lastOf(text, this.inside));
      if (this.backslashes && oddBackslashes(text, end, from)) {
        at = end + 1;
        continue;
      }
      if (quoted && end + 1 >= text.length) return end;
      if (quoted && text[end + 1] === this.inside) {
        at = end + 2;
        continue;
      }
      const after = end + this.inside.length;
      this.inside = '';
      this.backslashes = false;
      return after;
    }
  }

  /** Comments nest. */
  private closeComment(text: string, from: number): number {
    for (let at = from; ; ) {
      const end = text.indexOf('*/', at);
      const open = text.indexOf('/*', at);
      if (open >= 0 && (end < 0 || open < end)) {
        this.depth++;
        at = open + 2;
        continue;
      }
      if (end < 0) return Math.max(at, lastOf(text, '*/'));
      at = end + 2;
      if (--this.depth > 0) continue;
      this.inside = '';
      return at;
    }
  }
}

/** Where the beginning of a mark may stand that is cut off at the end of the text. */
function lastOf(text: string, mark: string): number {
  return text.length - mark.length + 1;
}

/** Where the backslashes begin that the text ends with. */
function beforeBackslashes(text: string): number {
  let at = text.length;
  while (text[at - 1] === '\\') at--;
  return at;
}

function oddBackslashes(text: string, end: number, from: number): boolean {
  let count = 0;
  while (end - 1 - count >= from && text[end - 1 - count] === '\\') count++;
  return count % 2 === 1;
}

function nextMark(text: string, from: number): number {
  const mark = /[;'"$/\\-]/g;
  mark.lastIndex = from;
  const found = mark.exec(text);
  return found ? found.index : text.length;
}
