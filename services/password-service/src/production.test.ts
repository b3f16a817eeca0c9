import t from 'tap'
import { production } from './production.ts'

const configurationErrors = (DATABASE_URL: string, REKEY_ALLOW_PLAINTEXT?: 'loopback') =>
  production.rules
    .flatMap((rule) => rule({ DATABASE_URL, ...(REKEY_ALLOW_PLAINTEXT && { REKEY_ALLOW_PLAINTEXT }) }))
    .filter((error) => error.startsWith('DATABASE_URL'))

t.test('a Postgres URL without verified TLS or without credentials is refused', async (t) => {
  t.same(configurationErrors('postgresql://u:p@db.example/rekey?sslmode=verify-full'), [])
  const plain = [
    '',
    '?sslmode=disable',
    '?sslmode=no-verify',
    '?sslmode=require&uselibpqcompat=true',
    '?sslmode=verify-full&sslmode=disable',
    '?ssl=true',
  ]
  for (const query of plain) {
    t.match(configurationErrors(`postgresql://u:p@db.example/rekey${query}`), ['DATABASE_URL is without TLS'], query)
  }
  t.match(configurationErrors('postgresql://u@db.example/rekey?sslmode=verify-full'), [
    'DATABASE_URL is without a password',
  ])
  t.match(configurationErrors('postgresql://u:p@db.example/rekey?sslmode=verify-full&sslrootcert=/none'), [
    'cannot be parsed',
  ])
})

t.test('plain text is accepted only for loopback, and only with REKEY_ALLOW_PLAINTEXT', async (t) => {
  for (const host of ['127.0.0.1:5432', 'localhost', '[::1]']) {
    t.same(configurationErrors(`postgresql://u@${host}/rekey`, 'loopback'), [], host)
    t.equal(configurationErrors(`postgresql://u@${host}/rekey`).length, 2, host)
  }
  for (const other of ['db.example', '127.0.0.1.example', '127.0.0.1/rekey?host=db.example#', '10.0.0.1']) {
    t.equal(configurationErrors(`postgresql://u@${other}/rekey`, 'loopback').length, 2, other)
  }
})

t.test('S43: production refuses addresses that are young for less than a day', async (t) => {
  const errors = (REKEY_NEW_ADDRESS_HOURS: number) =>
    production.rules.flatMap((rule) => rule({ REKEY_NEW_ADDRESS_HOURS }))
  const about = (hours: number) => errors(hours).filter((error) => error.startsWith('REKEY_NEW_ADDRESS_HOURS'))
  for (const hours of [0, 23]) t.match(about(hours), [`REKEY_NEW_ADDRESS_HOURS is ${hours}`])
  for (const hours of [24, 72, 720]) t.same(about(hours), [])
})
