import fc from 'fast-check'
import { asForm, fieldsOf, type Known, rarely } from './fields.ts'
import type { Schema } from './values.ts'

type Spelling = (json: string) => string | Buffer

/** Bodies that are not what `JSON.stringify` makes. */
const misspellings: Spelling[] = [
  (json) => json.slice(0, -1),
  (json) => json + json,
  (json) => `[${json}]`,
  (json) => `\ufeff${json}`,
  (json) => json.replace('{', '{"__proto__":{"a":1},'),
  (json) => json.replace('{', '{"constructor":{"prototype":{"a":1}},'),
  (json) => json.replace(/^\{("[^"]+":)/, '{$1"first",$1'),
  (json) => json.replace(/:[^,}]+/, ':1e999'),
  (json) => json.replace(/:[^,}]+/, `:${'9'.repeat(5_000)}`),
  (json) => json.replace(/:[^,}]+/, ':NaN'),
  (json) => json.replaceAll('"', "'"),
  (json) => `${json}${' '.repeat(17 * 1024)}`,
  (json) => Buffer.from(json, 'utf16le'),
  (json) => Buffer.concat([Buffer.from(json.slice(0, -1)), Buffer.from([0xff, 0xc0, 0x80])]),
  () => '['.repeat(8_000),
  () => '{"a":'.repeat(3_000),
  () => 'null',
  () => '"text"',
  () => '0',
  () => '',
]

/** A body of these fields and its content type, mostly well-formed JSON. */
export const spelled = (schema: Schema, known: Known): fc.Arbitrary<{ body: string | Buffer; type: string }> =>
  fc
    .tuple(
      fieldsOf(schema, known),
      rarely(8, fc.constant(undefined), fc.constantFrom<Spelling | undefined>(...misspellings)),
      fc.oneof(
        { weight: 30, arbitrary: fc.constant('application/json') },
        { weight: 3, arbitrary: fc.constant('application/x-www-form-urlencoded') },
        {
          weight: 1,
          arbitrary: fc.constantFrom(
            '',
            'text/plain',
            'application/json; charset=utf-16',
            'multipart/form-data; boundary=x',
            'a/b; c',
            '*/*',
          ),
        },
      ),
    )
    .map(([fields, misspell, type]) => {
      if (type.endsWith('urlencoded')) return { type, body: asForm(fields) }
      const json = JSON.stringify(fields)
      return { type, body: misspell ? misspell(json) : json }
    })
