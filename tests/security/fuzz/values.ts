import fc from 'fast-check'

/** The part of JSON Schema that the contracts use. */
export interface Schema {
  type?: string | string[]
  enum?: unknown[]
  const?: unknown
  anyOf?: Schema[]
  format?: string
  pattern?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  items?: Schema
  maxItems?: number
  properties?: Record<string, Schema>
  required?: string[]
}

const formats: Record<string, fc.Arbitrary<string>> = {
  uuid: fc.uuid(),
  ipv4: fc.ipV4(),
  ipv6: fc.ipV6(),
}

/** Replaces regular expressions that fast-check cannot read or needs seconds for: a large class by some hundred characters. */
const simpler: [RegExp, string][] = [
  [/\(\?=[^)]*\)/, ''],
  [/\[\^[^\]]*\\p\{C\}[^\]]*\]/g, '[a-z0-9à-ÿ_+-]'],
  [/\\P\{Cs?\}/g, '[ -~à-ÿあ-ん\u{1f600}-\u{1f64f}]'],
]

/** Text for a simplified pattern; text that does not match the original pattern is sent too. */
const textMatching = (pattern: string): fc.Arbitrary<string> =>
  fc.stringMatching(
    new RegExp(
      simpler.reduce((text, [from, to]) => text.replace(from, to), pattern),
      'u',
    ),
  )

const text = ({ format, pattern, minLength = 0, maxLength = 200 }: Schema): fc.Arbitrary<string> => {
  if (format !== undefined && formats[format]) return formats[format]
  if (pattern !== undefined) return textMatching(pattern)
  return fc.string({ minLength, maxLength: Math.min(maxLength, 200) })
}

/** Values that match the schema. */
export const fitting = (schema: Schema): fc.Arbitrary<unknown> => {
  const { type, minimum = -1_000_000, maximum = 1_000_000 } = schema
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if ('const' in schema) return fc.constant(schema.const)
  if (schema.anyOf) {
    const { anyOf, ...common } = schema
    return fc.oneof(...anyOf.map((one) => fitting({ ...common, ...one })))
  }
  if (Array.isArray(type)) return fc.oneof(...type.map((one) => fitting({ ...schema, type: one })))
  switch (type) {
    case 'string':
      return text(schema)
    case 'integer':
      return fc.integer({ min: minimum, max: Math.min(maximum, Number.MAX_SAFE_INTEGER) })
    case 'boolean':
      return fc.boolean()
    case 'array':
      return fc.array(fitting(schema.items ?? {}), { maxLength: Math.min(schema.maxItems ?? 5, 5) })
    case 'object':
      return fc.record(
        Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, one]) => [name, fitting(one)])),
      )
    default:
      return fc.jsonValue()
  }
}

/** Texts that are known to break servers. */
export const nasty = [
  '',
  ' ',
  '0',
  '-1',
  '1e3',
  '0x10',
  '٣',
  'null',
  'undefined',
  'true',
  '[object Object]',
  '__proto__',
  'constructor',
  'toString',
  '\u0000',
  'a\u0000b',
  'a\r\nSet-Cookie: b=c',
  '\ud800',
  '\ufeff',
  '\u202e',
  'e\u0301',
  '\u{1f511}',
  '%00',
  '%',
  '../../etc/passwd',
  "' OR 1=1 --",
  '{{7*7}}',
  '$(id)',
  '<script>alert(1)</script>',
  '*.>',
  'x'.repeat(255),
  '9'.repeat(400),
  'a@b.cd'.repeat(60),
  '+447700900001\n',
  'data:,x',
  '\\',
  '"',
]

const numbers = [0, -0, -1, 0.5, 1e21, 1e308, 2 ** 31, 2 ** 53, -(2 ** 63)]

/** Values that match no schema. */
export const hostile: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<unknown>(...nasty) },
  { weight: 2, arbitrary: fc.constantFrom<unknown>(...numbers, null, true, false, [], {}, [[]], [null]) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
)

/** Hostile text, for fields that can only be text. */
export const hostileText = fc.oneof(
  fc.constantFrom(...nasty),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ maxLength: 300 }),
)
