/** How a message names what there may be thousands of: the first few, and how many more there are. */
export function firstFew(names: readonly string[], most = 10): string {
  const shown = names.slice(0, most).join(', ');
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
