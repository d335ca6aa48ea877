/** Entries of the table through which nothing flows back: comparisons, whole numbers, and shapes as data. */
export const FORWARD_ONLY: ReadonlySet<string> = new Set(
  [
    ...['Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'Equal', 'Not', 'And', 'Or', 'Xor', 'IsNaN', 'IsInf'],
    ...[
      'ArgMax',
      'ArgMin',
      'Sign',
      'Floor',
      'Ceil',
      'Round',
      'Shape',
      'Size',
      'ConstantOfShape',
      'Range',
      'Mod',
      'OneHot',
      'GatherND',
    ],
    'DequantizeLinear',
  ].map((type) => `:${type}`),
);
