import t from 'tap'
import { isHttpsOnly } from './config.ts'

t.test('S34: production behind https answers with HSTS; the sandbox, and a gateway without https, do not', (t) => {
  const cases = [
    ['production', 'https://bank.example', true],
    ['production', 'http://127.0.0.1:8080', false],
    ['sandbox', 'https://localhost', false],
    ['sandbox', 'http://localhost:8080', false],
  ] as const
  for (const [REKEY_PROFILE, REKEY_PUBLIC_URL, expected] of cases) {
    t.equal(isHttpsOnly({ REKEY_PROFILE, REKEY_PUBLIC_URL }), expected, REKEY_PUBLIC_URL)
  }
  t.end()
})
