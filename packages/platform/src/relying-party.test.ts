import t from 'tap'
import { relyingPartyErrors, relyingPartyOf } from './relying-party.ts'

t.test('the relying party is the host of the gateway, unless a domain above it is named', async (t) => {
  const REKEY_PUBLIC_URL = 'https://restore.bank.example:8443'
  const origins = ['https://restore.bank.example:8443']
  t.same(relyingPartyOf({ REKEY_PUBLIC_URL }), { id: 'restore.bank.example', origins })
  const party = relyingPartyOf({
    REKEY_PUBLIC_URL,
    REKEY_RP_ID: 'bank.example',
    REKEY_PASSKEY_ORIGINS: 'https://bank.example,https://BANK.example:443,https://bank-app.example',
  })
  t.same(party, { id: 'bank.example', origins: [...origins, 'https://bank.example', 'https://bank-app.example'] })
  t.equal(relyingPartyOf({ REKEY_PUBLIC_URL: 'http://localhost:8080', REKEY_RP_ID: 'localhost' }).id, 'localhost')
})

t.test('S56: an id that no browser would take at the gateway is refused with both values', async (t) => {
  for (const [REKEY_PUBLIC_URL, REKEY_RP_ID] of [
    ['https://restore.bank.example', 'other.example'],
    ['https://restore.bank.example', 'www.restore.bank.example'],
    ['https://restore.bank.example', 'ank.example'],
    ['https://restore.bank.example', 'example'],
    ['https://203.0.113.7', '113.7'],
  ] as const) {
    const [error, ...more] = relyingPartyErrors({ REKEY_PUBLIC_URL, REKEY_RP_ID })
    t.match(error, REKEY_RP_ID)
    t.match(error, REKEY_PUBLIC_URL)
    t.same(more, [])
    t.throws(() => relyingPartyOf({ REKEY_PUBLIC_URL, REKEY_RP_ID }), { name: 'ConfigError' })
  }
})

t.test('an origin that browsers ask no passkey at is refused', async (t) => {
  const REKEY_PUBLIC_URL = 'https://restore.bank.example'
  const REKEY_PASSKEY_ORIGINS = 'https://bank.example,http://bank.example,http://localhost:3000'
  t.same(relyingPartyErrors({ REKEY_PUBLIC_URL, REKEY_PASSKEY_ORIGINS }), [
    'REKEY_PASSKEY_ORIGINS has http://bank.example: browsers use passkeys on https:// alone.',
  ])
})
