/** Row numbers (from 0, ascending) of each distinct key, in order of first occurrence. (Map.groupBy needs Node 21.) */
export function groupRows(keys: readonly string[]): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  keys.forEach((key, row) => {
    const rows = groups.get(key);
    if (rows === undefined) groups.set(key, [row]);
    else rows.push(row);
  });
  return groups;
}
