/** The text of a template file taken apart: a YAML header between `---` lines, then one body (text) or sections (chat). */
import { LineCounter, isNode, parseDocument } from 'yaml';
import { z } from 'zod';
import type { FungiError } from '../core/errors.js';
import { templateError } from './template-error.js';

export type InputValue = string | number | boolean;

const inputSchema = z.strictObject({
  description: z.string().optional(),
  default: z.union([z.string(), z.number(), z.boolean()]).optional(),
});

const headerSchema = z.strictObject({
  description: z.string().optional(),
  mode: z.enum(['chat', 'text']),
  order: z.enum(['nearest-last', 'nearest-first']).default('nearest-last'),
  /** Text mode: whether the body must separate the examples with `{{ fence }}`. */
  fence: z.boolean().default(true),
  /** What becomes of chat formats' control tokens in the values (see control-tokens.ts). */
  controlTokens: z.enum(['break', 'keep']).default('break'),
  inputs: z.record(z.string().regex(/^[a-z_]\w*$/i, 'must be letters, digits and _'), inputSchema).default({}),
  maxExamples: z.int().min(0).optional(),
  budget: z
    .strictObject({
      tokens: z.int().positive().optional(),
      characters: z.int().positive().optional(),
      mediaBytes: z.int().positive().optional(),
    })
    .optional(),
});

export type TemplateHeader = z.output<typeof headerSchema>;

/** Template source with the file line (1-based) that its first line stands on. */
export interface Section {
  readonly source: string;
  readonly line: number;
}

export interface ChatSections {
  readonly system: Section | undefined;
  /** One example's turns. */
  readonly user: Section;
  readonly assistant: Section;
  readonly query: Section;
}

const SECTIONS: readonly string[] = ['system', 'example user', 'example assistant', 'query'];

/** Standard variables, which no input may be called; `fence` exists in text mode, `example` in chat mode's example sections. */
const STANDARD_VARIABLES: readonly string[] = ['query', 'labels', 'examples', 'example', 'fence', 'modality'];

export interface TemplateFile {
  readonly name: string;
  readonly header: TemplateHeader;
  readonly body: Section;
}

/** @throws {FungiError} TEMPLATE_INVALID when the header is missing, is no YAML, or has an unknown or ill-typed key */
export function parseTemplateFile(source: string, name: string): TemplateFile {
  const text = source.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
  const match = /^---\n(?<yaml>[^]*?\n)?---[ \t]*(?:\n|$)/.exec(text);
  if (match === null) {
    throw templateError(
      name,
      1,
      'no header: a template starts with "---", its settings as YAML and a second "---"',
      HEADER_HINT,
    );
  }
  const header = parseHeader(match.groups?.['yaml'] ?? '', name);
  const line = match[0].split('\n').length;
  return { name, header, body: trimSection({ source: text.slice(match[0].length), line }) };
}

const HEADER_HINT = 'The smallest header is "mode: text" or "mode: chat".';

function parseHeader(yaml: string, name: string): TemplateHeader {
  const lineCounter = new LineCounter();
  const document = parseDocument(yaml, { lineCounter, prettyErrors: false });
  // The header's first line is the second of the file.
  const fileLine = (offset: number): number => lineCounter.linePos(offset).line + 1;
  const syntaxError = document.errors[0];
  if (syntaxError)
    throw templateError(name, fileLine(syntaxError.pos[0]), `the header is no YAML: ${syntaxError.message}`);

  const parsed = headerSchema.safeParse(document.toJS() ?? {});
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const node = document.getIn(issue.path, true);
    const line = isNode(node) && node.range ? fileLine(node.range[0]) : 1;
    const key = issue.path.length > 0 ? `"${issue.path.join('.')}": ` : '';
    throw templateError(name, line, `header ${key}${issue.message}`, HEADER_HINT);
  }
  const taken = Object.keys(parsed.data.inputs).find((input) => STANDARD_VARIABLES.includes(input));
  if (taken !== undefined) {
    throw templateError(
      name,
      1,
      `header "inputs.${taken}": the name of a standard variable`,
      'Give the input another name.',
    );
  }
  return parsed.data;
}

/**
 * Cuts a chat body at its `## name` lines.
 *
 * @throws {FungiError} TEMPLATE_INVALID on an unknown, repeated or missing section, or text before the first
 */
export function splitSections({ name, body }: TemplateFile): ChatSections {
  const fault = (index: number, message: string): FungiError =>
    templateError(name, body.line + index, message, SECTION_HINT);
  const found = new Map<string, Section>();
  const lines = body.source.split('\n');
  let open: { readonly title: string; readonly start: number } | undefined;
  const closeAt = (end: number): void => {
    if (!open) return;
    const source = lines.slice(open.start, end).join('\n');
    found.set(open.title, trimSection({ source, line: body.line + open.start }));
  };
  for (const [index, text] of lines.entries()) {
    const title = /^## (?<title>.*)$/.exec(text)?.groups?.['title']?.trim();
    if (title === undefined) {
      if (!open && text.trim() !== '') throw fault(index, 'text before the first section');
      continue;
    }
    if (!SECTIONS.includes(title)) throw fault(index, `unknown section "## ${title}"`);
    closeAt(index);
    if (found.has(title)) throw fault(index, `section "## ${title}" occurs twice`);
    open = { title, start: index + 1 };
  }
  closeAt(lines.length);

  const required = (title: string): Section => {
    const section = found.get(title);
    if (!section) throw fault(0, `section "## ${title}" is missing`);
    return section;
  };
  return {
    system: found.get('system'),
    user: required('example user'),
    assistant: required('example assistant'),
    query: required('query'),
  };
}

const SECTION_HINT = `A chat template's sections are ${SECTIONS.map((title) => `"## ${title}"`).join(', ')} (the first is optional); other headings may start with "#" or "###".`;

/** Without blank lines around it: they belong to the file's layout. Done before any data is filled in, so data keeps its own. */
function trimSection({ source, line }: Section): Section {
  const leading = /^(?:[ \t]*\n)*/.exec(source)![0];
  return { source: source.slice(leading.length).trimEnd(), line: line + leading.split('\n').length - 1 };
}
