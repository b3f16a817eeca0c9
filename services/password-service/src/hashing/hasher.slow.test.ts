import { pbkdf2Sync, scryptSync } from 'node:crypto'
import { hash as argon2 } from '@node-rs/argon2'
import { hash as bcrypt } from '@node-rs/bcrypt'
import { createLogger } from '@rekey/platform/logger'
import { createMetrics } from '@rekey/platform/metrics'
import { createQueue } from '@rekey/platform/queue'
import { systemRandom } from '@rekey/platform/random'
import t from 'tap'
import { argon2Floor } from './argon2.ts'
import { createHasher, parsePeppers } from './hasher.ts'

const log = createLogger({ name: 'test', level: 'silent' })
const queueWith = (sizes: { concurrency: number; waiting: number }) =>
  createQueue({ ...sizes, name: 'password_hashes', elapsedMs: () => performance.now(), metrics: createMetrics(), log })
const hasherWith = (peppers = '') =>
  createHasher({
    queue: queueWith({ concurrency: 2, waiting: 100 }),
    peppers: parsePeppers(peppers),
    cost: argon2Floor,
    random: systemRandom,
    log,
  })
const hasher = hasherWith()
const verified = { verified: true, outdated: false }
const outdated = { verified: true, outdated: true }
const wrong = { verified: false, outdated: false }
const base64 = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '')
const salt = Buffer.from('0123456789abcdef')

t.test('S17: a new hash is argon2id with the least allowed cost and a new salt', async (t) => {
  const [one, two] = await Promise.all([hasher.hash('Qwerty123'), hasher.hash('Qwerty123')])
  t.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  t.not(one, two)
  t.same(await hasher.verify(one, 'Qwerty123'), verified)
  t.same(await hasher.verify(one, 'Qwerty124'), wrong)
})

t.test('S15: composed and decomposed text match the same hash, and nothing is trimmed', async (t) => {
  const stored = await hasher.hash('cafe\u0301')
  t.same(await hasher.verify(stored, 'caf\u00e9'), verified)
  t.same(await hasher.verify(stored, 'caf\u00e9 '), wrong)
})

t.test('S17: foreign hashes are verified and reported as outdated', async (t) => {
  const password = 'Qwerty123'
  const pbkdf2 = (digest: string, bytes: number) => base64(pbkdf2Sync(password, salt, 1_000, bytes, digest))
  const ab64 = (text: string) => text.replaceAll('+', '.')
  const bcrypted = await bcrypt(password, { cost: 4 })
  const foreign: Record<string, string> = {
    'argon2id of other parameters': await argon2(password, { memoryCost: 4_096, timeCost: 3, parallelism: 2 }),
    argon2i: await argon2(password, { algorithm: 1 }),
    argon2d: await argon2(password, { algorithm: 0 }),
    'bcrypt 2b': bcrypted,
    'bcrypt 2a': bcrypted.replace('$2b$', '$2a$'),
    'bcrypt 2y': bcrypted.replace('$2b$', '$2y$'),
    scrypt: `$scrypt$ln=10,r=8,p=1$${base64(salt)}$${base64(scryptSync(password, salt, 32, { N: 1_024, r: 8, p: 1 }))}`,
    'pbkdf2 as PHC': `$pbkdf2-sha512$i=1000,l=64$${base64(salt)}$${pbkdf2('sha512', 64)}`,
    'pbkdf2 of passlib': `$pbkdf2-sha256$1000$${ab64(base64(salt))}$${ab64(pbkdf2('sha256', 32))}`,
    'pbkdf2 of passlib, SHA-1': `$pbkdf2$1000$${ab64(base64(salt))}$${ab64(pbkdf2('sha1', 20))}`,
  }
  for (const [name, stored] of Object.entries(foreign)) {
    t.same(await hasher.verify(stored, password), outdated, name)
    t.equal(hasher.findHashError(stored), undefined, name)
    t.same(await hasher.verify(stored, 'Qwerty124'), wrong, `${name}: wrong password`)
  }
})

t.test('S17: the test vector of Firebase’s scrypt is verified', async (t) => {
  // github.com/firebase/scrypt, README.md
  const key = 'jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA'
  const hash = 'lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ'
  const stored = `$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw,sk=${key}$42xEC+ixf3L2lw$${hash}`
  t.same(await hasher.verify(stored, 'user1password'), outdated)
  t.same(await hasher.verify(stored, 'user2password'), wrong)
  t.equal(hasher.findHashError(stored), undefined)
  t.match(hasher.findHashError(stored.replace('n=14', 'n=20')), { code: 'too_costly' })
  t.match(hasher.findHashError(stored.replace(',sk=', ',key=')), { code: 'malformed' })
})

t.test('S17: a foreign hash of the password as typed matches, and is reported as outdated', async (t) => {
  const spellings = { NFC: 'caf\u00e9 \ufb01n', NFD: 'cafe\u0301 \ufb01n' }
  const makers: Record<string, (password: string) => Promise<string>> = {
    argon2id: (password) => argon2(password),
    bcrypt: (password) => bcrypt(password, { cost: 4 }),
    scrypt: async (password) =>
      `$scrypt$ln=10,r=8,p=1$${base64(salt)}$${base64(scryptSync(password, salt, 32, { N: 1_024, r: 8, p: 1 }))}`,
    pbkdf2: async (password) =>
      `$pbkdf2-sha256$i=1000$${base64(salt)}$${base64(pbkdf2Sync(password, salt, 1_000, 32, 'sha256'))}`,
  }
  for (const [format, make] of Object.entries(makers)) {
    const [composed, decomposed] = [await make(spellings.NFC), await make(spellings.NFD)]
    t.match(await hasher.verify(decomposed, spellings.NFD), outdated, `${format}: as typed`)
    t.match(await hasher.verify(composed, spellings.NFD), { verified: true }, `${format}: NFC`)
    t.same(await hasher.verify(decomposed, spellings.NFC), wrong, `${format}: a form that nobody typed`)
    t.same(await hasher.verify(decomposed, `${spellings.NFD}x`), wrong, format)
  }
  t.match(await hasher.verify(await hasher.hash(spellings.NFD), spellings.NFC), verified, 'a new hash is of NFC')
})

t.test('the error of an unusable hash says what is wrong, and does not repeat the hash', async (t) => {
  const [saltText, text] = [base64(salt), base64(Buffer.alloc(32, 7))]
  const cases: Record<string, string> = {
    [`$scrypt$ln=10,r=8,p=1$${saltText}==$${text}=`]: 'without padding (=)',
    [`$pbkdf2-sha256$i=1000$${saltText}$${text}=`]: 'without padding (=)',
    [`$argon2id$v=19$m=19456,t=2,p=1$${saltText}==$${text}`]: 'without padding (=)',
    [`$scrypt$ln=10,r=8,p=1$${saltText.slice(1)}_$${text}`]: 'not base64url',
    [`$scrypt$N=1024,r=8,p=1$${saltText}$${text}`]: 'the form is $scrypt$ln=<n>,r=<n>,p=<n>$<salt>$<hash>',
    [`$scrypt$ln=10,r=8,p=1$${saltText}`]: 'it must have the form $scrypt$',
    [`$scrypt$ln=10,r=8,p=1$abc$${text}`]: 'the salt is shorter',
    [`$pbkdf2-sha256$i=1000$${saltText}$short`]: 'the hash is shorter',
    [`$pbkdf2-md5$i=1000$${saltText}$${text}`]: '$pbkdf2-<sha1|sha256|sha512>$',
    [`$pbkdf2-sha256$i=3000000$${saltText}$${text}`]: 'the number of iterations is 3000000, more than 2000000',
    [`$scrypt$ln=20,r=8,p=17$${saltText}$${text}`]: 'p is 17, more than 16',
    [`$argon2id$v=19$m=524288,t=2,p=1$${saltText}$${text}`]: 'm is 524288, more than 262144',
    '$2b$15$abcdefghijklmnopqrstuuO6l3H.rYqzlmHPk0u5Oul0q8gn3Zn8y': 'cost is 15, more than 14',
    $2b$10$short: '53 characters',
  }
  for (const [stored, reason] of Object.entries(cases)) {
    const message = hasher.findHashError(stored)?.message ?? ''
    t.ok(message.toLowerCase().includes(reason.toLowerCase()), `${stored}: ${message}`)
    t.notOk(message.includes(text) || message.includes(saltText), 'not the hash')
  }
})

t.test('S17: a password of 73 bytes is refused for a bcrypt hash, not truncated', async (t) => {
  const long = 'é'.repeat(36)
  const stored = await bcrypt(long, { cost: 4 })
  t.same(await hasher.verify(stored, long), outdated, '72 bytes')
  t.same(await hasher.verify(stored, `${long}x`), wrong, '73 bytes')
  t.same(await hasher.verify(await bcrypt('abc', { cost: 4 }), 'abc\0d'), wrong, 'bcrypt ignores what follows a NUL')
})

t.test('S12: a password that bcrypt would truncate takes as long as any other wrong password', async (t) => {
  const stored = await bcrypt('Qwerty123', { cost: 11 })
  const passwords = { usual: 'Qwerty124', long: 'x'.repeat(73), nul: 'Qwerty123\0' }
  const best = { usual: Number.POSITIVE_INFINITY, long: Number.POSITIVE_INFINITY, nul: Number.POSITIVE_INFINITY }
  // The minimum of interleaved rounds: other load on the machine can only add time.
  for (let round = 0; round < 8; round += 1) {
    for (const [name, password] of Object.entries(passwords) as [keyof typeof best, string][]) {
      const started = performance.now()
      t.same(await hasher.verify(stored, password), wrong)
      best[name] = Math.min(best[name], performance.now() - started)
    }
  }
  t.ok(best.long > best.usual / 2, '73 bytes')
  t.ok(best.nul > best.usual / 2, 'a NUL')
  const hashOfEmpty = await bcrypt('', { cost: 4 })
  t.same(await hasher.verify(hashOfEmpty, 'x'.repeat(73)), wrong)
})

t.test(
  'S17: a malformed, empty, unknown or too costly hash verifies nothing and is reported as unusable',
  async (t) => {
    const stored = {
      '': 'unknown_form',
      Qwerty123: 'unknown_form',
      '$argon2id$v=19$m=4194304,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAA': 'too_costly',
      '$argon2id$v=19$m=19456,t=9999999,p=1$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAA': 'too_costly',
      '$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAA': 'malformed',
      $argon2id$nonsense: 'malformed',
      '$2b$31$abcdefghijklmnopqrstuuO6l3H.rYqzlmHPk0u5Oul0q8gn3Zn8y': 'too_costly',
      $2b$10$short: 'malformed',
      '$scrypt$ln=30,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg': 'too_costly',
      '$scrypt$ln=0,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg': 'malformed',
      '$scrypt$ln=10,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$': 'malformed',
      '$pbkdf2-sha256$i=99999999$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg': 'too_costly',
      '$pbkdf2-sha256$i=1000$MDEyMzQ1Njc4OWFiY2RlZg$': 'malformed',
      '$pbkdf2-md5$i=1000$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg': 'malformed',
    }
    for (const [hash, code] of Object.entries(stored)) {
      t.same(await hasher.verify(hash, 'Qwerty123'), wrong, hash)
      t.equal(hasher.findHashError(hash)?.code, code, hash)
    }
  },
)

t.test('S17: a hash names its pepper, verifies only with it, and is outdated after a rotation', async (t) => {
  const key = (fill: number) => Buffer.alloc(32, fill).toString('base64url')
  const [first, second] = [`k1:${key(1)}`, `k2:${key(2)}`]
  const old = await hasherWith(first).hash('Qwerty123')
  t.match(old, /,p=1,keyid=azE\$/)
  t.same(await hasherWith(first).verify(old, 'Qwerty123'), verified)
  t.same(await hasherWith(`${second},${first}`).verify(old, 'Qwerty123'), outdated, 'after a rotation')
  t.same(await hasherWith(second).verify(old, 'Qwerty123'), wrong, 'without its pepper')
  t.equal(hasherWith(second).findHashError(old)?.code, 'unknown_pepper')
  t.same(await hasherWith(`k1:${key(3)}`).verify(old, 'Qwerty123'), wrong, 'with another key of the same id')
  t.same(
    await hasherWith(first).verify(await hasher.hash('Qwerty123'), 'Qwerty123'),
    outdated,
    'a hash without a pepper',
  )
})

t.test('hashes beyond the queue are refused at once, and the queued ones are computed', async (t) => {
  const busy = createHasher({
    queue: queueWith({ concurrency: 1, waiting: 1 }),
    peppers: [],
    cost: argon2Floor,
    random: systemRandom,
    log,
  })
  const outcomes = await Promise.allSettled(Array.from({ length: 4 }, () => busy.hash('Qwerty123')))
  t.same(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'rejected'],
  )
  t.match(outcomes[2], { reason: { code: 'unavailable', retryAfterSeconds: 1 } })
})
