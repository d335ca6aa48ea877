/** Which settings an ablation tries: each factor by itself from the default setting, or all combinations. */
import type { Factor, FactorName, Values } from './factors.js';

export interface Level {
  /** "head=none", "head=none, normalise=false"; "default" where nothing is changed. */
  readonly name: string;
  /** The one factor that differs from the default setting; null for that setting, and where factors are crossed. */
  readonly factor: FactorName | null;
  /** What is not at its own default: the level, over what all levels have in common. */
  readonly values: Values;
  /** Of every varied factor the level it has here. */
  readonly varied: Values;
  readonly isDefault: boolean;
}

export interface LevelOptions {
  /** Of every varied factor the level of the default setting. */
  readonly defaults: Values;
  /** Fixed for all levels. */
  readonly common: Values;
}

/** One factor at a time: the default setting, then every other level of each factor. */
export function levelsOneAtATime(factors: readonly Factor[], { defaults, common }: LevelOptions): Level[] {
  const base = variedDefaults(factors, defaults);
  return [
    defaultLevel(base, common),
    ...factors.flatMap(({ name, levels }) =>
      levels
        .filter((level) => level !== defaults[name])
        .map((level) => ({
          name: `${name}=${level}`,
          factor: name,
          values: { ...common, [name]: level },
          varied: { ...base, [name]: level },
          isDefault: false,
        })),
    ),
  ];
}

/** Every combination, the last factor changing fastest; the default setting comes first, though it is no combination of the levels. */
export function levelsCrossed(factors: readonly Factor[], { defaults, common }: LevelOptions): Level[] {
  const base = variedDefaults(factors, defaults);
  const combinations = factors.reduce<Values[]>(
    (some, { name, levels }) => some.flatMap((values) => levels.map((level) => ({ ...values, [name]: level }))),
    [{}],
  );
  const isDefault = (values: Values): boolean => factors.every(({ name }) => values[name] === defaults[name]);
  return [
    defaultLevel(base, common),
    ...combinations
      .filter((values) => !isDefault(values))
      .map((values) => ({
        name: nameOf(values),
        factor: null,
        // What stands at its default is not spelled out: the width of a head that is not there is no setting.
        values: {
          ...common,
          ...Object.fromEntries(Object.entries(values).filter(([n, v]) => v !== base[n as FactorName])),
        },
        varied: values,
        isDefault: false,
      })),
  ];
}

const defaultLevel = (varied: Values, common: Values): Level => ({
  name: 'default',
  factor: null,
  values: common,
  varied,
  isDefault: true,
});

const variedDefaults = (factors: readonly Factor[], defaults: Values): Values =>
  Object.fromEntries(factors.map(({ name }) => [name, defaults[name]!]));

const nameOf = (values: Values): string =>
  Object.entries(values)
    .map(([name, level]) => `${name}=${level}`)
    .join(', ');
