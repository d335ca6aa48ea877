/** The first of a list, and how long the list is: a report stays short, and its counts whole. */
export interface Bounded<T> {
  /** Of the whole list. */
  readonly count: number;
  /** The first of it. */
  readonly first: readonly T[];
}

/** @param show makes what is shown of an entry, for those that are shown */
export const bounded = <T, U>(list: readonly T[], most: number, show: (entry: T) => U): Bounded<U> => ({
  count: list.length,
  first: list.slice(0, most).map(show),
});
