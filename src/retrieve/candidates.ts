/** The rows that may be among a query's k nearest, as far as scores of limited accuracy can tell. */
export class Candidates {
  private rows: number[] = [];
  private scores: number[] = [];
  private limit: number;
  private cutoff = -Infinity;
  /** Rows that were pushed, those included that are out of the question since. */
  pushed = 0;

  /**
   * @param k neighbours wanted
   * @param error how far a score may be off, either way. If t is the k-th best score seen, k rows truly score t − error or more, so
   *   that a row truly among the k best (or equal to the k-th) is seen with t − 2·error or more.
   */
  constructor(
    private readonly k: number,
    private readonly error: number,
  ) {
    this.limit = 2 * k + 64;
  }

  /** Returns the score below which a row is out of the question from now on. */
  push(row: number, score: number): number {
    this.pushed++;
    this.rows.push(row);
    this.scores.push(score);
    if (this.rows.length >= this.limit) this.prune();
    return this.cutoff;
  }

  /** The rows left. */
  finish(): readonly number[] {
    this.prune();
    return this.rows;
  }

  private prune(): void {
    if (this.rows.length <= this.k) return;
    const kth = Float64Array.from(this.scores).sort()[this.rows.length - this.k]!;
    this.cutoff = kth - 2 * this.error;
    const { rows, scores, cutoff } = this;
    // Written so that NaN, the score of products beyond float32, stays in.
    this.rows = rows.filter((_, i) => !(scores[i]! < cutoff));
    this.scores = scores.filter((score) => !(score < cutoff));
    this.limit = Math.max(this.limit, 2 * this.rows.length);
  }
}
