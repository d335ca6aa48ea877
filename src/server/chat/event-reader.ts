/**
 * Reads a stream of server-sent events beside its way to the client, which it neither holds up nor changes. It takes what servers send in
 * fact: lines that end in LF, CRLF or CR, a byte order mark, comments, characters split between parts, and no line end at the end.
 */

const [LF, CR] = [10, 13];
const BOM = '\uFEFF';

export class EventReader {
  private line: Uint8Array[] = [];
  private data: string[] = [];
  /** Bytes kept of the event so far. */
  private kept = 0;
  private afterCr = false;
  private started = false;
  /** The event so far is longer than is kept: it is passed over. */
  private tooLong = false;
  private blank = true;

  /**
   * @param onData gets the data of each event
   * @param maxBytes of one event; a longer one is passed over
   */
  constructor(
    private readonly onData: (data: string) => void,
    private readonly maxBytes: number,
  ) {}

  /** Nothing of an event has been sent that is not whole. */
  get isBetweenEvents(): boolean {
    return this.blank && this.data.length === 0 && !this.tooLong;
  }

  read(part: Uint8Array): void {
    let from = 0;
    for (let at = 0; at < part.length; at++) {
      const byte = part[at];
      if (byte !== LF && byte !== CR) continue;
      // The LF of a CRLF that was split, or not: the line has ended at its CR.
      const second = byte === LF && this.afterCr && at === from;
      if (!second) {
        this.keep(part.subarray(from, at));
        this.endLine();
      }
      this.afterCr = byte === CR;
      from = at + 1;
    }
    if (from < part.length) {
      this.keep(part.subarray(from));
      this.afterCr = false;
    }
  }

  /** The stream is over: an event that its last line completes counts, though no blank line follows. */
  end(): void {
    if (!this.blank) this.endLine();
    this.endEvent();
  }

  private keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.blank = false;
    this.kept += bytes.length;
    if (this.kept > this.maxBytes) {
      this.tooLong = true;
      this.line = [];
    }
    // A copy: whoever gave the bytes may write others into them.
    if (!this.tooLong) this.line.push(Buffer.from(bytes));
  }

  private endLine(): void {
    if (this.blank) {
      this.endEvent();
      return;
    }
    const text = this.started ? this.text() : this.text().replace(BOM, '');
    this.started = true;
    this.line = [];
    this.blank = true;
    const [, data] = /^data(?:: ?|$)(.*)$/s.exec(text) ?? [];
    if (data !== undefined) this.data.push(data);
  }

  private text(): string {
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(this.line));
  }

  private endEvent(): void {
    const { data, tooLong } = this;
    this.started = true;
    this.data = [];
    this.kept = 0;
    this.tooLong = false;
    if (data.length > 0 && !tooLong) this.onData(data.join('\n'));
  }
}
