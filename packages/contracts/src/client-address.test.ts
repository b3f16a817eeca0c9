import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { canonicalAddress } from './client-address.ts'

const port = fc.integer({ min: 0, max: 65_535 })
const zone = fc.constantFrom('', '%eth0', '%1', '%25en1')
const space = fc.constantFrom('', ' ', '\t')

const toGroups = (ipv4: string) => {
  const [a = 0, b = 0, c = 0, d = 0] = ipv4.split('.').map(Number)
  return [a * 256 + b, c * 256 + d].map((group) => group.toString(16)).join(':')
}

const spelledIpv4 = fc.ipV4().chain((address) =>
  fc.tuple(port, space, fc.integer({ min: 0, max: 9 })).map(([number, around, form]) => {
    const forms = [
      address,
      `${address}:${number}`,
      `::ffff:${address}`,
      `::FFFF:${address}`,
      `0:0:0:0:0:ffff:${address}`,
      `::ffff:${toGroups(address)}`,
      `[::ffff:${address}]`,
      `[::ffff:${address}]:${number}`,
      `::ffff:${address}%eth0`,
      `[${address}]`,
    ]
    return { address, text: `${around}${forms[form]}${around}` }
  }),
)

t.test('an IPv4 address has one spelling, also with a port, in brackets or mapped to IPv6', (t) => {
  fc.assert(
    fc.property(spelledIpv4, ({ address, text }) => {
      // `[1.2.3.4]` is no form of RFC 7239, but names one address only.
      assert.equal(canonicalAddress(text), address, text)
    }),
    { numRuns: 500 },
  )
  t.end()
})

t.test('an IPv6 address has one spelling, also with a port, in brackets or with a zone', (t) => {
  const spelled = fc.ipV6().chain((address) =>
    fc
      .tuple(port, zone, space, fc.boolean(), fc.integer({ min: 0, max: 2 }))
      .map(([number, suffix, around, upper, form]) => {
        const written = upper ? address.toUpperCase() : address
        const forms = [`${written}${suffix}`, `[${written}${suffix}]`, `[${written}${suffix}]:${number}`]
        return { address, text: `${around}${forms[form]}${around}` }
      }),
  )
  fc.assert(
    fc.property(spelled, ({ address, text }) => {
      const expected = canonicalAddress(address)
      assert.ok(expected !== undefined && isIP(expected) > 0, address)
      assert.equal(canonicalAddress(text), expected, text)
      assert.equal(canonicalAddress(expected ?? ''), expected)
    }),
    { numRuns: 500 },
  )
  t.equal(canonicalAddress('2001:0DB8:0:0:0:0:0:1'), '2001:db8::1')
  t.equal(canonicalAddress('[2001:db8::1]:443'), '2001:db8::1')
  t.end()
})

t.test('a text that is no address is none', (t) => {
  for (const text of [
    '',
    'unknown',
    '_hidden',
    '1.2.3',
    '1.2.3.4.5',
    '010.0.0.1',
    '256.1.1.1',
    '1.2.3.4:',
    ':::',
    '[::1',
    '::1]',
    'a.example',
    '0x7f.1',
    '1',
    '[]',
    '%eth0',
    '::1/64',
    '1.2.3.4/8',
  ])
    t.equal(canonicalAddress(text), undefined, text)
  fc.assert(
    fc.property(fc.string(), (text) => {
      const address = canonicalAddress(text)
      assert.ok(address === undefined || isIP(address) > 0, text)
    }),
  )
  t.end()
})
