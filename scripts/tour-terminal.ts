/** Writes the tour: numbered steps, the commands, what they said, and what that means. */
export class Terminal {
  private steps = 0;
  private readonly colour: boolean;

  constructor(private readonly stream: NodeJS.WriteStream) {
    this.colour = stream.isTTY && stream.hasColors();
  }

  title(text: string): void {
    this.write(`\n${this.paint(BOLD, text)}\n`);
  }

  step(text: string): void {
    this.steps += 1;
    this.write(`\n${this.paint(BOLD, `${this.steps}. ${text}`)}\n`);
  }

  /** A command that can be pasted. */
  command(words: readonly string[]): void {
    this.write(`   $ ${this.paint(CYAN, words.map(quote).join(' '))}\n`);
  }

  /** An HTTP request, which no command stands for. */
  request(text: string): void {
    this.write(`   > ${this.paint(CYAN, text)}\n`);
  }

  output(text: string): void {
    for (const line of dedent(text)) this.write(`     ${this.paint(DIM, line)}\n`);
  }

  ok(sentence: string): void {
    this.write(`   ${this.paint(GREEN, 'ok')} ${sentence}\n`);
  }

  conclusion(sentence: string): void {
    this.write(`\n${this.paint(GREEN, 'Proven:')} ${sentence}\n\n`);
  }

  private paint(code: string, text: string): string {
    return this.colour ? `\u001b[${code}m${text}\u001b[0m` : text;
  }

  private write(text: string): void {
    this.stream.write(text);
  }
}

const BOLD = '1';
const DIM = '2';
const GREEN = '32';
const CYAN = '36';

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** The lines that say something, indented by two spaces a level. */
function dedent(text: string): string[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const levels = lines.map((line) => Math.ceil((/^\s*/.exec(line.replaceAll('\t', '    '))?.[0].length ?? 0) / 4));
  const least = Math.min(...levels);
  return lines.map((line, index) => '  '.repeat((levels[index] ?? least) - least) + line.trim());
}
