/** Schemas of requests and replies in the document's own terms. */
import { z } from 'zod';

export type JsonSchema = Record<string, unknown>;

/**
 * JSON Schema of `schema`. What zod puts beside it (parts with an id, parts that hold themselves) goes to `components` under the
 * part's id, or under a name that begins with `name`: inside a document `#` means the whole of it.
 */
export function documentSchema(
  schema: z.ZodType,
  io: 'input' | 'output',
  name: string,
  components: Record<string, JsonSchema>,
): JsonSchema {
  const { $defs = {}, ...root } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as JsonSchema & {
    $defs?: Record<string, JsonSchema>;
  };
  const named = (definition: string): string =>
    definition.startsWith('__') ? `${name}${definition.slice(2)}` : definition;
  const placed = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(placed);
    if (typeof node !== 'object' || node === null) return node;
    return Object.fromEntries(
      Object.entries(node).map(([key, value]) => {
        if (key !== '$ref' || typeof value !== 'string') return [key, placed(value)];
        return [key, value === '#' ? `#/components/schemas/${name}` : refTo(named(value.replace('#/$defs/', '')))];
      }),
    );
  };
  for (const [definition, part] of Object.entries($defs)) {
    enter(components, named(definition), without('id', placed(part) as JsonSchema));
  }
  const whole = without('$schema', placed(root) as JsonSchema);
  if (!JSON.stringify(whole).includes(`"#/components/schemas/${name}"`)) return whole;
  enter(components, name, whole);
  return { $ref: refTo(name) };
}

const without = (key: string, schema: JsonSchema): JsonSchema =>
  Object.fromEntries(Object.entries(schema).filter(([name]) => name !== key));

const refTo = (name: string): string => `#/components/schemas/${name}`;

/** @throws {Error} for two parts of one name that differ, which only a route's author can cause */
function enter(components: Record<string, JsonSchema>, name: string, schema: JsonSchema): void {
  const before = components[name];
  if (before !== undefined && JSON.stringify(before) !== JSON.stringify(schema)) {
    throw new Error(`two schemas are called ${name}; one as it is read and one as it is replied need two ids`);
  }
  components[name] = schema;
}
