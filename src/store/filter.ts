/** Which rows a query may retrieve: a small algebra, evaluated here. No part of it ever becomes SQL. */
import { FungiError } from '../core/errors.js';
import type { Example, MetadataValue } from '../core/item.js';

/** Bounds of a value; numbers compare with numbers, strings with strings by code unit, anything else is outside. */
export interface Range {
  readonly gt?: number | string;
  readonly gte?: number | string;
  readonly lt?: number | string;
  readonly lte?: number | string;
}

/** A value equals this, is one of these, or lies in this range. */
export type Condition = MetadataValue | readonly MetadataValue[] | Range;

/**
 * All members that are given have to hold; `{}` admits every row, `or: []` none. A condition on metadata that a row lacks does
 * not hold.
 *
 * @example
 * { label: ['refund', 'cancel'], metadata: { year: { gte: 2020 } }, not: { metadata: { source: 'synthetic' } } }
 */
export interface Filter {
  readonly label?: Condition;
  readonly metadata?: Readonly<Record<string, Condition>>;
  readonly and?: readonly Filter[];
  readonly or?: readonly Filter[];
  readonly not?: Filter;
}

export const MAX_FILTER_DEPTH = 16;

/** Whether `row` passes. */
export function matches(filter: Filter, row: Pick<Example, 'label' | 'metadata'>): boolean {
  const { label, metadata, and, or, not } = filter;
  if (label !== undefined && !holds(label, row.label)) return false;
  for (const [key, condition] of Object.entries(metadata ?? {})) {
    // hasOwn: a key such as "constructor" is only there when the row has it.
    if (!Object.hasOwn(row.metadata, key) || !holds(condition, row.metadata[key]!)) return false;
  }
  if (and !== undefined && !and.every((part) => matches(part, row))) return false;
  if (or !== undefined && !or.some((part) => matches(part, row))) return false;
  return not === undefined || !matches(not, row);
}

/**
 * A filter from JSON that a user wrote. Unknown members are refused, since ignoring one would admit more rows than asked for.
 *
 * @throws {FungiError} INVALID_ARGUMENT naming the member by its path
 */
export function parseFilter(value: unknown): Filter {
  checkFilter(value, 'filter', 1);
  return value as Filter;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isRange = (condition: Condition): condition is Range => isObject(condition);

function holds(condition: Condition, value: MetadataValue): boolean {
  if (Array.isArray(condition)) return (condition as readonly MetadataValue[]).includes(value);
  if (!isRange(condition)) return condition === value;
  const { gt, gte, lt, lte } = condition;
  const bounds = [gt, gte, lt, lte].filter((bound) => bound !== undefined);
  if (bounds.some((bound) => typeof bound !== typeof value)) return false;
  return (
    (gt === undefined || value > gt) &&
    (gte === undefined || value >= gte) &&
    (lt === undefined || value < lt) &&
    (lte === undefined || value <= lte)
  );
}

function checkFilter(value: unknown, path: string, depth: number): void {
  if (depth > MAX_FILTER_DEPTH) throw invalid(path, `nests deeper than ${MAX_FILTER_DEPTH} levels`);
  if (!isObject(value)) throw invalid(path, 'has to be an object');
  for (const [key, member] of Object.entries(value)) {
    const at = `${path}.${key}`;
    if (key === 'label') checkCondition(member, at);
    else if (key === 'metadata') {
      if (!isObject(member)) throw invalid(at, 'has to be an object of conditions');
      for (const [name, condition] of Object.entries(member)) checkCondition(condition, `${at}.${name}`);
    } else if (key === 'and' || key === 'or') {
      if (!Array.isArray(member)) throw invalid(at, 'has to be an array of filters');
      member.forEach((part, i) => {
        checkFilter(part, `${at}[${i}]`, depth + 1);
      });
    } else if (key === 'not') checkFilter(member, at, depth + 1);
    else throw invalid(at, 'is unknown; a filter has label, metadata, and, or, not');
  }
}

function checkCondition(condition: unknown, path: string): void {
  const isValue = (value: unknown): boolean => ['string', 'boolean'].includes(typeof value) || Number.isFinite(value);
  if (isValue(condition)) return;
  if (Array.isArray(condition)) {
    if (!condition.every(isValue))
      throw invalid(path, 'lists something other than strings, finite numbers and booleans');
    return;
  }
  if (!isObject(condition) || Object.keys(condition).length === 0) {
    throw invalid(path, 'has to be a value, an array of values, or a range with gt, gte, lt or lte');
  }
  for (const [key, bound] of Object.entries(condition)) {
    if (!['gt', 'gte', 'lt', 'lte'].includes(key))
      throw invalid(`${path}.${key}`, 'is unknown; a range has gt, gte, lt, lte');
    if (typeof bound !== 'string' && !Number.isFinite(bound))
      throw invalid(`${path}.${key}`, 'has to be a number or a string');
  }
}

const invalid = (path: string, reason: string): FungiError =>
  new FungiError('INVALID_ARGUMENT', `${path.slice(0, 200)} ${reason}`, {
    hint: 'Example: {"label": ["a", "b"], "metadata": {"year": {"gte": 2020}}}',
  });
