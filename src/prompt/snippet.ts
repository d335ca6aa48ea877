/**
 * A piece of Liquid, parsed once and filled any number of times. Values are data: nothing that comes out of a variable is parsed
 * again, there is no file access, and what could make two fillings of the same values differ (clock, dice) is taken out.
 */
import { Context, Liquid, LiquidError, toValueSync, type Template } from 'liquidjs';
import type { FungiError } from '../core/errors.js';
import type { ContentPart } from './message.js';
import { PartsEmitter } from './parts-emitter.js';
import { templateError } from './template-error.js';
import type { Section } from './template-file.js';

const engine = new Liquid({
  strictVariables: true,
  strictFilters: true,
  ownPropertyOnly: true,
  templates: {},
  parseLimit: 1e6,
  renderLimit: 10_000,
  memoryLimit: 1e8,
});
const FILE_TAGS = ['include', 'render', 'layout', 'block'];
/** Clock and dice. */
const IMPURE_FILTERS = /^(?:sample|date.*)$/;
/** These parse one of their arguments while filling: a variable given there would be read as code. */
const EVALUATING_FILTERS = /^(?:where|reject|group_by|has|find|find_index)(?:_exp)?$/;

for (const tag of FILE_TAGS) Reflect.deleteProperty(engine.tags, tag);
for (const filter of Object.keys(engine.filters)) {
  if (IMPURE_FILTERS.test(filter) || EVALUATING_FILTERS.test(filter)) engine.unregisterFilter(filter);
}

export class Snippet {
  private constructor(
    private readonly templates: Template[],
    /** The standard variables and inputs that it mentions. */
    readonly uses: ReadonlySet<string>,
    private readonly section: Section,
    private readonly file: string,
  ) {}

  /**
   * @param known the variables that {@link fill} will be given
   * @throws {FungiError} TEMPLATE_INVALID on a syntax error, unknown tag or filter, or a variable that is not in `known`
   */
  static compile(section: Section, file: string, known: readonly string[]): Snippet {
    try {
      const templates = engine.parse(section.source);
      const globals = engine.analyzeSync(templates, { partials: false }).globals;
      for (const [name, places] of Object.entries(globals)) {
        if (known.includes(name)) continue;
        throw templateError(
          file,
          section.line + places[0]!.location.row - 1,
          `unknown variable "${name}"; known here: ${known.join(', ')}`,
          'Correct the name, or declare it under "inputs" in the header.',
        );
      }
      return new Snippet(templates, new Set(Object.keys(globals)), section, file);
    } catch (error) {
      throw located(error, section, file);
    }
  }

  /** @throws {FungiError} TEMPLATE_INVALID unless it mentions `variable` */
  mustUse(variable: string): void {
    if (this.uses.has(variable)) return;
    throw templateError(
      this.file,
      this.section.line,
      `this part never mentions "${variable}", which it is there to show`,
    );
  }

  /**
   * @throws {FungiError} TEMPLATE_INVALID when a value lacks the member that the template asks for, or where an image or a sound would
   *   have to become text
   */
  fill(values: Readonly<Record<string, unknown>>): string {
    try {
      return String(engine.renderSync(this.templates, { ...values }));
    } catch (error) {
      throw located(error, this.section, this.file);
    }
  }

  /**
   * {@link fill} of a user's message, where each {@link MediaValue} is a part of its own between those of the text around it.
   *
   * @throws {FungiError} TEMPLATE_INVALID, as {@link fill}
   */
  fillParts(values: Readonly<Record<string, unknown>>): string | readonly ContentPart[] {
    const emitter = new PartsEmitter();
    try {
      const context = new Context({ ...values }, engine.options, { sync: true });
      toValueSync(engine.renderer.renderTemplates(this.templates, context, emitter));
      return emitter.content();
    } catch (error) {
      throw located(error, this.section, this.file);
    }
  }
}

/** liquidjs counts lines from the start of what it was given; people count from the start of the file. */
function located(error: unknown, section: Section, file: string): FungiError | Error {
  if (!(error instanceof Error) || !LiquidError.is(error)) return error as Error;
  const [row] = error.token.getPosition() as [number, number];
  const reason = error.originalError?.message ?? error.message.replace(/, line:\d+, col:\d+$/, '');
  return templateError(file, section.line + row - 1, reason);
}
