/** BM25+ on words (MiniSearch's scoring, with its defaults): what shares rare words with a query. */
import MiniSearch from 'minisearch';

export interface WordMatch {
  readonly row: number;
  readonly score: number;
}

interface Entry {
  readonly id: number;
  readonly text: string;
}

/** Scores as close as this are equal: what was added and removed in between leaves its rounding in the average length. */
const DIGITS = 10;

/** Rows under numbers of the caller's. After any changes it scores as one made of the same rows anew. */
export class Bm25Index {
  private readonly index = new MiniSearch<Entry>({ fields: ['text'] });
  private readonly texts = new Map<number, string>();

  constructor(rows: Iterable<readonly [row: number, text: string]>) {
    for (const [row, text] of rows) this.set(row, text);
  }

  /** Adds a row, or gives it another text. */
  set(row: number, text: string): void {
    this.delete(row);
    this.index.add({ id: row, text });
    this.texts.set(row, text);
  }

  /** MiniSearch can also forget a row by its number alone, but then goes on counting its words. */
  delete(row: number): void {
    const text = this.texts.get(row);
    if (text === undefined) return;
    this.index.remove({ id: row, text });
    this.texts.delete(row);
  }

  /** The k best; among equals the row with the smaller number. Rows that share no word with the query are none. */
  search(query: string, k: number, allow?: (row: number) => boolean): WordMatch[] {
    const filter = allow && (({ id }: { id: unknown }): boolean => allow(id as number));
    return (
      this.index
        .search(query, filter && { filter })
        .map(({ id, score }) => ({ row: id as number, score: Number(score.toPrecision(DIGITS)) }))
        // MiniSearch's own order of equals is that of its tables.
        .sort((a, b) => b.score - a.score || a.row - b.row)
        .slice(0, k)
    );
  }
}
