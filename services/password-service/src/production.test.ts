import t from 'tap'
import { production } from './production.ts'

const faultsOf = (DATABASE_URL: string, REKEY_ALLOW_PLAINTEXT?: 'loopback') =>
  production.rules
    .flatMap((rule) => rule({ DATABASE_URL, ...(REKEY_ALLOW_PLAINTEXT && { REKEY_ALLOW_PLAINTEXT }) }))
    .filter((fault) => fault.startsWith('DATABASE_URL'))

t.test('Postgres is reached with a certificate that is checked, and a password', async (t) => {
  t.same(faultsOf('postgresql://u:p@db.example/rekey?sslmode=verify-full'), [])
  const plain = [
    '',
    '?sslmode=disable',
    '?sslmode=no-verify',
    '?sslmode=require&uselibpqcompat=true',
    '?sslmode=verify-full&sslmode=disable',
    '?ssl=true',
  ]
  for (const query of plain) {
    t.match(faultsOf(`postgresql://u:p@db.example/rekey${query}`), ['DATABASE_URL is without TLS'], query)
  }
  t.match(faultsOf('postgresql://u@db.example/rekey?sslmode=verify-full'), ['DATABASE_URL is without a password'])
  t.match(faultsOf('postgresql://u:p@db.example/rekey?sslmode=verify-full&sslrootcert=/none'), ['cannot be read'])
})

t.test('only a database of this machine may be plain, and only where that is said', async (t) => {
  for (const host of ['127.0.0.1:5432', 'localhost', '[::1]']) {
    t.same(faultsOf(`postgresql://u@${host}/rekey`, 'loopback'), [], host)
    t.equal(faultsOf(`postgresql://u@${host}/rekey`).length, 2, host)
  }
  for (const other of ['db.example', '127.0.0.1.example', '127.0.0.1/rekey?host=db.example#', '10.0.0.1']) {
    t.equal(faultsOf(`postgresql://u@${other}/rekey`, 'loopback').length, 2, other)
  }
})
