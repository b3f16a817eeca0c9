import fc from 'fast-check'
import { generateSync } from 'otplib'
import t from 'tap'
import { matchingSteps, newTotp, stepAt, stepsToConfirm, stepsToTry, type Totp, totpUri } from './totp.ts'

const bytes = (length: number) => Buffer.from('1234567890'.repeat(7).slice(0, length))
const base32 = (buffer: Buffer) => {
  const bits = [...buffer].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  const groups = bits.match(/.{1,5}/g) ?? []
  return groups.map((group) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[Number.parseInt(group.padEnd(5, '0'), 2)]).join('')
}

/** RFC 6238 Appendix B. */
const vectors = [
  [59, '94287082', '46119246', '90693936'],
  [1_111_111_109, '07081804', '68084774', '25091201'],
  [1_111_111_111, '14050471', '67062674', '99943326'],
  [1_234_567_890, '89005924', '91819424', '93441116'],
  [2_000_000_000, '69279037', '90698825', '38618901'],
  [20_000_000_000, '65353130', '77737706', '47863826'],
] as const
const seeds = { sha1: 20, sha256: 32, sha512: 64 } as const

t.test('S54: the test vectors of RFC 6238 are right, with 8 digits and with their last 6', async (t) => {
  for (const [seconds, ...codes] of vectors) {
    for (const [index, algorithm] of (['sha1', 'sha256', 'sha512'] as const).entries()) {
      const secret = base32(bytes(seeds[algorithm]))
      const step = stepAt(new Date(seconds * 1_000), 30)
      const code = codes[index] ?? ''
      for (const digits of [6, 8] as const) {
        const totp: Totp = { secret, algorithm, digits }
        t.same(
          matchingSteps(totp, code.slice(-digits), [step - 1, step, step + 1], 30),
          [step],
          `${algorithm} ${seconds}`,
        )
      }
    }
  }
})

const totp = newTotp()
const rfc: Totp = { secret: base32(bytes(20)), algorithm: 'sha1', digits: 6 }
/** Two neighbouring steps at which the secret of RFC 6238 has equal digits. */
const twins = { step: 62_075_368, code: '235522' }
const codeAt = ({ secret }: Totp, step: number) => generateSync({ secret, epoch: step * 30 })
const anyStep = fc.integer({ min: 50_000_000, max: 80_000_000 })
const anyOffset = fc.integer({ min: -5, max: 5 })

t.test(
  'S54: a code is looked for one step around our clock and around the clock of the phone, and nowhere else',
  async () => {
    fc.assert(
      fc.property(anyStep, anyOffset, fc.integer({ min: -9, max: 9 }), (step, offset, distance) => {
        const isTried = stepsToTry(step, offset).includes(step + distance)
        return isTried === (Math.abs(distance) <= 1 || Math.abs(distance - offset) <= 1)
      }),
    )
  },
)

t.test('S54: a phone whose clock is off by five steps at most can be enrolled', async () => {
  fc.assert(
    fc.property(
      anyStep,
      fc.integer({ min: -9, max: 9 }),
      (step, off) => stepsToConfirm(step).includes(step + off) === Math.abs(off) <= 5,
    ),
  )
})

t.test('every step of the window that has the code is returned, the earlier first', async (t) => {
  fc.assert(
    fc.property(anyStep, anyOffset, (step, offset) => {
      const steps = stepsToTry(step, offset)
      return steps.every((one) => matchingSteps(totp, codeAt(totp, one), steps, 30).includes(one))
    }),
    { numRuns: 50 },
  )
  const { code, step } = twins
  t.same(matchingSteps(rfc, code, stepsToTry(step, 0), 30), [step, step + 1], 'two neighbours with equal digits')
  t.same(matchingSteps(rfc, code, stepsToTry(step + 1, 0), 30), [step, step + 1])
})

t.test('a code may have separators, digits of any script, and lost its leading zeros', async (t) => {
  const step = stepAt(new Date(1_111_111_109_000), 30)
  for (const code of ['081804', '81804', 81804, ' 081 804 ', '081-804', '٠٨١٨٠٤', '０８１８０４'])
    t.same(matchingSteps(rfc, code, [step], 30), [step], String(code))
  for (const code of ['', '81805', '7081804', '0810804', 'abcdef', '081804x', '0'.repeat(64)])
    t.same(matchingSteps(rfc, code, [step], 30), [], code)
})

t.test('a new secret has 160 bits, and its URI says what the app shows', async (t) => {
  const { secret } = newTotp()
  t.match(secret, /^[A-Z2-7]{32}$/)
  t.not(newTotp().secret, secret)
  const uri = new URL(totpUri(rfc, 'Bank: München', 'b*1@gmail.com'))
  t.equal(`${uri.protocol}//${uri.host}`, 'otpauth://totp')
  t.equal(decodeURIComponent(uri.pathname), '/Bank: München:b*1@gmail.com')
  t.match(Object.fromEntries(uri.searchParams), { secret: rfc.secret, issuer: 'Bank: München' })
})
