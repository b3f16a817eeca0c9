import { html } from 'ghtml'

/** A mark that no text and no value contains: private use area of Unicode. */
const mark = (index: number) => String.fromCodePoint(0xe000 + index)

/**
 * A text whose values are HTML, for instance a bold address in a sentence. The text itself is escaped.
 *
 * @param translate returns the text with these values
 */
export const richText = <Name extends string>(
  translate: (values: Record<Name, string>) => string,
  values: Record<Name, string>,
): string => {
  const names = Object.keys(values) as Name[]
  const marks = Object.fromEntries(names.map((name, index) => [name, mark(index)])) as Record<Name, string>
  return names.reduce((text, name) => text.replaceAll(marks[name], () => values[name]), html`${translate(marks)}`)
}
