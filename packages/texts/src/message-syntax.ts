import { IntlMessageFormat } from 'intl-messageformat'

export type Ast = ReturnType<IntlMessageFormat['getAst']>
type Element = Ast[number]

/** Kinds of elements of a parsed ICU message, as `intl-messageformat` numbers them. */
const literal = 0
const plural = 6
const select = 5

/** The nested messages of `{count, plural, one {…} other {…}}` and the like. */
const branchesOf = (element: Element): Ast[] =>
  element.type === plural || element.type === select ? Object.values(element.options).map(({ value }) => value) : []

/**
 * Parses an ICU message.
 * @throws SyntaxError if it is malformed
 */
export const parseMessage = (text: string): Ast =>
  new IntlMessageFormat(text, 'en', undefined, { ignoreTag: true }).getAst()

/** Names of the values that a message needs. */
export const argumentsOf = (ast: Ast): Set<string> =>
  new Set(
    ast.flatMap((element) => [
      ...('value' in element && element.type !== literal ? [String(element.value)] : []),
      ...branchesOf(element).flatMap((branch) => [...argumentsOf(branch)]),
    ]),
  )

const rightToLeftOverride = '\u202e'
const popDirection = '\u202c'

/** The message with each word shown from right to left; values stay as they are. */
export const pseudoMessage = (ast: Ast): Ast =>
  ast.map((element) => {
    if (element.type === literal) {
      return { ...element, value: element.value.replace(/\S+/g, `${rightToLeftOverride}$&${popDirection}`) }
    }
    if (element.type !== plural && element.type !== select) return element
    const options = Object.entries(element.options).map(([name, option]) => [
      name,
      { ...option, value: pseudoMessage(option.value) },
    ])
    return { ...element, options: Object.fromEntries(options) } as Element
  })
