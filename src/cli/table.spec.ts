import { printable, TableLayout, type Column } from './table.js';

interface Row {
  readonly id: string;
  readonly subject: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'ID', value: ({ id }) => id },
  { title: 'SUBJECT', value: ({ subject }) => subject, shrinks: true },
  { title: 'END', value: () => 'x', tone: () => 'good' },
];

const layout = (width: number | null = null, paint = (text: string): string => text): TableLayout<Row> =>
  new TableLayout(COLUMNS, { width, paint });

describe('a table', () => {
  it('puts what belongs together under each other', () => {
    expect(
      layout().lines([
        { id: 'a', subject: 'CN=Ä' },
        { id: 'long-id', subject: 'CN' },
      ]),
    ).toEqual(['ID       SUBJECT  END', 'a        CN=Ä     x', 'long-id  CN       x']);
  });

  it('goes on in the same columns, without a second heading', () => {
    const table = layout();
    table.lines([{ id: 'long-id', subject: 'CN=a' }]);
    expect(table.lines([{ id: 'b', subject: 'CN=b' }])).toEqual(['b        CN=b     x']);
  });

  it('cuts what may be cut where the terminal is narrow, and nothing else', () => {
    const [heading, line] = layout(30).lines([{ id: 'an-id-of-some-length', subject: `CN=${'a'.repeat(60)}` }]);
    expect(line).toBe('an-id-of-some-length  CN=aaaaaaaa…  x');
    expect(heading).toBe('ID                    SUBJECT       END');
    const wide = layout(null).lines([{ id: 'a', subject: 'a'.repeat(500) }]);
    expect(wide[1]).toContain('a'.repeat(500));
  });

  it('colours cells without moving them', () => {
    const painted = layout(null, (text, ...[tone]: unknown[]) => `<${String(tone)}>${text}`).lines([
      { id: 'a', subject: 'b' },
    ]);
    expect(painted).toEqual(['<heading>ID  <heading>SUBJECT  <heading>END', '<plain>a   <plain>b        <good>x']);
  });

  it('shows what would deceive the eye or move the cursor', () => {
    expect(printable('a\u001b[2Jb\u202ec\r\n\u0000\u200b ü 漢')).toBe(
      'a\\u001b[2Jb\\u202ec\\u000d\\u000a\\u0000\\u200b ü 漢',
    );
    expect(layout().lines([{ id: 'a\nb', subject: 's' }])[1]).toBe('a\\u000ab  s        x');
  });
});
