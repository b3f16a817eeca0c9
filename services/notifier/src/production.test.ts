import t from 'tap'
import { production } from './production.ts'

const faultsOf = (SMTP_URL: string) =>
  production.rules.flatMap((rule) => rule({ SMTP_URL })).filter((fault) => fault.startsWith('SMTP_URL'))

t.test('mail goes by smtps, or by a port of submission, or where the URL insists on STARTTLS', async (t) => {
  for (const url of ['smtps://mail.example', 'smtp://mail.example:587', 'smtp://mail.example:2525?requireTLS=true']) {
    t.same(faultsOf(url), [], url)
  }
  for (const url of ['smtp://mail.example', 'smtp://127.0.0.1:1025', 'smtp://mail.example:25?requireTLS=false']) {
    t.match(faultsOf(url), ['SMTP_URL is plaintext'], url)
  }
})

t.test('a URL that weakens TLS is refused, and so is one that is none', async (t) => {
  for (const parameter of ['ignoreTLS=true', 'secure=false', 'tls.rejectUnauthorized=false']) {
    t.match(faultsOf(`smtps://mail.example?${parameter}`), ['which weakens TLS'], parameter)
  }
  t.match(faultsOf('smtp://mail example'), ['SMTP_URL cannot be read'])
})
