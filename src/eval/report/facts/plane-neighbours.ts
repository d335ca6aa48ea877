/** The `k` nearest others of each point of a plane, by the plain search: a map has few points. */
export function exactNearest(points: readonly { readonly x: number; readonly y: number }[], k: number): number[][] {
  return points.map((from, i) => {
    const others = points.flatMap((to, j) => (j === i ? [] : [{ j, distance: (to.x - from.x) ** 2 + (to.y - from.y) ** 2 }])); // prettier-ignore
    return others
      .sort((a, b) => a.distance - b.distance || a.j - b.j)
      .slice(0, k)
      .map(({ j }) => j);
  });
}
