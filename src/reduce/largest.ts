/** Fills `places` with those of the largest values, largest first; of equals the earlier one comes first. */
export function largest(values: Float32Array, places: Int32Array): void {
  const count = places.length;
  let found = 0;
  for (let at = 0; at < values.length; at++) {
    const value = values[at]!;
    if (found === count && !(value > values[places[count - 1]!]!)) continue;
    let to = found < count ? found++ : count - 1;
    for (; to > 0 && values[places[to - 1]!]! < value; to--) places[to] = places[to - 1]!;
    places[to] = at;
  }
}
