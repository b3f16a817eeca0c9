import { type CustomerRecord, CustomersUpsert } from '@rekey/contracts'
import { callRpc } from '@rekey/platform/rpc'
import { type Authenticator, createAuthenticator } from '@rekey/test-support/authenticator'
import t from 'tap'
import { passkeyOrigin as origin, startWithFactors } from '../../factors/factors.fixture.ts'
import { confirmed, importsInto, ndjson, newCode, newEmail } from './import.fixture.ts'

const service = await startWithFactors(t)
const { addPasskey, asCustomer, broker, list, passkeyOptions, provePasskey, query } = service
const { importText, customerOf } = importsInto(t, service)

const upsert = (record: CustomerRecord) => callRpc(broker, CustomersUpsert, record)
/** As another system exports it. */
const exported = ({ id, publicKey }: Authenticator, counter = 1) => ({ credentialId: id, publicKey, counter })
/** The user handle that the other system gave to the authenticator. */
const userHandle = 'b3RoZXIgc3lzdGVt'

t.test('imported passkeys are sealed, in force at once, and prove as those that were enrolled here', async (t) => {
  for (const algorithm of ['ES256', 'EdDSA', 'RS256'] as const) {
    for (const isSynced of [false, true]) {
      const authenticator = createAuthenticator({ origin, algorithm, isSynced, counter: 7 })
      const passkey = { ...exported(authenticator, 6), transports: ['internal'], backedUp: isSynced, label: 'Phone' }
      const customer = newCode()
      t.match(await importText(ndjson({ customer, passkeys: [passkey] })), { imported: 1, refused: 0 })
      t.same(await list(customer), { methods: ['passkey'], recoveryCodesLeft: 0 })
      const [row] = await query(`SELECT f::text || p::text AS text FROM factor f JOIN passkey p ON p.factor_id = f.id
        WHERE p.credential_id = '${authenticator.id}'`)
      t.notOk(row?.text.includes(authenticator.publicKey), 'the public key is sealed')
      const proof = { isRight: true, key: isSynced ? 'swk' : 'hwk' }
      t.same(await provePasskey({ code: customer }, authenticator, { userHandle }), proof, algorithm)
      t.same(await provePasskey({ code: customer }, authenticator, { userHandle }), proof, 'again')
      const other = await provePasskey({ code: customer }, authenticator, { isBackupEligible: !isSynced, userHandle })
      t.same(other, { isRight: false }, 'the first use binds whether it may be backed up')
    }
  }
})

t.test('S56: the counter of an export counts: a passkey that is behind it is a copy, and ends', async (t) => {
  const authenticator = createAuthenticator({ origin })
  const customer = newCode()
  t.match(await upsert({ customer, passkeys: [exported(authenticator, 90)] }), { stored: true, passkeysStored: 1 })
  t.same(await provePasskey({ code: customer }, authenticator, { counter: 90, userHandle }), { isRight: false })
  t.same(await list(customer), { methods: [], recoveryCodesLeft: 0 })
})

t.test('a customer with an imported passkey enrols another one here', async (t) => {
  const [imported, own] = [createAuthenticator({ origin }), createAuthenticator({ origin })]
  const [code, email] = [newCode(), newEmail()]
  await upsert({ customer: code, identifiers: [confirmed(email)], passkeys: [exported(imported)] })
  const headers = asCustomer({ code })
  const { body } = await passkeyOptions(headers)
  t.match(body.excludeCredentials, [{ id: imported.id }])
  t.equal((await addPasskey(own.create(body), headers)).status, 201)
  t.match(await provePasskey({ code }, own), { isRight: true })
  t.match(await provePasskey({ code }, imported, { counter: 5, userHandle }), { isRight: true })
})

t.test('S57: a record adds no passkey to a customer who exists, and takes none from another', async (t) => {
  const [exists, holder, thief, first, twin] = [newCode(), newCode(), newCode(), newCode(), newCode()]
  const [late, held, shared] = [1, 2, 3].map(() => exported(createAuthenticator({ origin })))
  await upsert({ customer: exists })
  const record = { customer: exists, passkeys: late ? [late] : [] }
  t.match(await upsert(record), { created: false, passkeysStored: 0 })
  t.match(await importText(ndjson(record)), { imported: 1 })
  t.same((await list(exists)).methods, [])

  const { errors, ...counts } = await importText(
    ndjson(
      { customer: holder, passkeys: [held] },
      { customer: thief, passkeys: [held] },
      { customer: first, passkeys: [shared] },
      { customer: twin, passkeys: [shared] },
      { customer: holder, passkeys: [held] },
    ),
  )
  t.match(counts, { imported: 3, refused: 2 })
  t.same(
    errors.map(({ line, reasons }) => [line, ...reasons.map(({ field, code }) => `${field} ${code}`)]),
    [2, 4].map((line) => [line, 'passkeys/0/credentialId passkey_taken']),
  )
})

t.test('a passkey that cannot be verified is refused with line, field and reason', async (t) => {
  const good = exported(createAuthenticator({ origin }))
  const weak = exported(createAuthenticator({ origin, algorithm: 'ES512' }))
  const bytes = Buffer.from(good.publicKey, 'base64url')
  // Another last byte: the point is not on the curve.
  const offCurve = Buffer.concat([bytes.subarray(0, -1), Buffer.from([(bytes.at(-1) ?? 0) ^ 1])]).toString('base64url')
  const bad: [object[], string][] = [
    [[weak], 'passkeys/0/publicKey unusable_key'],
    [[good, { ...good, credentialId: 'AAAA', publicKey: offCurve }], 'passkeys/1/publicKey unusable_key'],
    [[{ ...good, publicKey: 'AAAA' }], 'passkeys/0/publicKey unusable_key'],
    [[{ ...good, publicKey: `${good.publicKey}==` }], 'passkeys/0/publicKey malformed'],
    [[{ ...good, credentialId: 'a+b/' }], 'passkeys/0/credentialId malformed'],
    [[good, good], 'passkeys/1/credentialId duplicate'],
    [[{ ...good, counter: -1 }], 'passkeys/0/counter out_of_range'],
    [[{ ...good, aaguid: 'none' }], 'passkeys/0/aaguid malformed'],
    [[{ ...good, backedUp: 'yes' }], 'passkeys/0/backedUp wrong_type'],
    [[{ publicKey: good.publicKey }], 'passkeys/0/credentialId missing'],
    [[{ ...good, label: 'two\nlines' }], 'passkeys/0/label malformed'],
  ]
  const records = bad.map(([passkeys], index) => ({ customer: `PASSKEY${index}`, passkeys }))
  const { errors, ...counts } = await importText(ndjson(...records))
  t.match(counts, { imported: 0, refused: bad.length })
  t.same(
    errors.map(({ line, reasons }) => [line, ...reasons.map(({ field, code }) => `${field} ${code}`)]),
    bad.map(([, reason], index) => [index + 1, reason]),
  )
  for (const { customer } of records) t.equal(await customerOf(customer), undefined, 'nothing of the line is stored')
})

t.test('without the key of factors, lines with passkeys are refused', async (t) => {
  const passkeys = [exported(createAuthenticator({ origin }))]
  const { errors } = await importText(ndjson({ customer: newCode(), passkeys }), { withFactorKey: false })
  t.match(errors, [{ line: 1, reasons: [{ field: 'passkeys', code: 'no_factor_key' }] }])
})
