import fc from 'fast-check'
import t from 'tap'
import { parseJson } from './json.ts'

const parseText = (text: string) => parseJson(Buffer.from(text))

t.test('valid JSON is parsed', async (t) => {
  t.same(parseText('{"a":[1,"é",null],"b":{"c":true}}'), { a: [1, 'é', null], b: { c: true } })
})

t.test('S31: a duplicate name is refused and named in the error', async (t) => {
  for (const body of ['{"code":"1","code":"2"}', '{"code":"1","code":"1"}', '{"a":[{"code":1,"b":2,"code":1}]}']) {
    t.throws(() => parseText(body), {
      code: 'invalid_request',
      message: 'code is given more than once.',
      fields: [{ field: 'code', code: 'duplicate' }],
    })
  }
  t.same(parseText('{"a":{"b":1},"c":{"b":2}}'), { a: { b: 1 }, c: { b: 2 } }, 'the same name in two objects is fine')
})

t.test('S31: __proto__ and constructor.prototype are refused', async (t) => {
  for (const body of ['{"__proto__":{"a":1}}', '{"a":{"__proto__":1}}', '{"constructor":{"prototype":{"a":1}}}']) {
    const message = 'The body has a name that is not allowed.'
    t.throws(() => parseText(body), { code: 'invalid_request', message }, body)
  }
})

t.test('S31: invalid UTF-8, an empty body, and broken JSON are refused', async (t) => {
  t.throws(() => parseJson(Buffer.from([0x22, 0xc3, 0x28, 0x22])), { message: 'The body is not valid UTF-8.' })
  for (const empty of ['', ' \n']) t.throws(() => parseText(empty), { message: 'The body is empty.' })
  for (const broken of ['{', '{"a":1,}', "{'a':1}", 'undefined', '{"a":1}{"b":2}']) {
    t.throws(() => parseText(broken), { code: 'invalid_request', message: 'The body is not valid JSON.' }, broken)
  }
})

t.test('S31: a text is refused if and only if one of its objects has a duplicate name', async (t) => {
  /** A text of JSON, whose objects may have duplicate names. */
  interface Text {
    text: string
    hasDuplicate: boolean
  }
  // No name is the beginning of another's escaped form, as a\" is of a": here. V8 13.6 then gives the one the other's name;
  // such a name has a backslash, which no contract has in a name.
  const some = fc.constantFrom('a', 'b', 'a":', '":1,"a":', 'b\\"', ' : ', '1')
  const anyDuplicate = (texts: Text[]) => texts.some(({ hasDuplicate }) => hasDuplicate)
  const { text } = fc.letrec<{ text: Text; object: Text; array: Text }>((tie) => ({
    text: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc
        .oneof(some, fc.integer(), fc.constant(null))
        .map((value) => ({ text: JSON.stringify(value), hasDuplicate: false })),
      tie('object'),
      tie('array'),
    ),
    object: fc.array(fc.tuple(some, tie('text')), { maxLength: 3 }).map((members) => ({
      text: `{${members.map(([name, { text }]) => `${JSON.stringify(name)} :${text}`).join(', ')}}`,
      hasDuplicate:
        new Set(members.map(([name]) => name)).size < members.length || anyDuplicate(members.map(([, value]) => value)),
    })),
    array: fc
      .array(tie('text'), { maxLength: 3 })
      .map((texts) => ({ text: `[${texts.map(({ text }) => text).join()}]`, hasDuplicate: anyDuplicate(texts) })),
  }))
  fc.assert(
    fc.property(text, ({ text, hasDuplicate }) => {
      if (hasDuplicate) t.throws(() => parseText(text), /is given more than once/, text)
      else t.same(parseText(text), JSON.parse(text))
    }),
  )
})
