/** What is classified and retrieved. A text item is a plain string; other modalities join this union with their encoders. */
export type Item = string;

/** Values a row can be filtered by. */
export type MetadataValue = string | number | boolean;
export type Metadata = Readonly<Record<string, MetadataValue>>;

/** A labelled example, as the user gives it: `id` is made from content and label when absent. */
export interface ExampleInput {
  readonly id?: string;
  readonly input: Item;
  readonly label: string;
  readonly metadata?: Metadata;
}

/** A labelled example with its key. */
export interface Example {
  readonly id: string;
  readonly input: Item;
  readonly label: string;
  readonly metadata: Metadata;
}
