import { test } from 'tap'
import { compareVariables } from './env-example.ts'

const readers = new Map([['notifier', ['SMTP_URL', 'HOST']]])

test('a variable that .env.example lacks is named together with who reads it', async (t) => {
  t.same(compareVariables('# Address\n#HOST=127.0.0.1\n', readers), [
    '.env.example does not name SMTP_URL, which notifier reads',
  ])
})

test('a variable that nothing reads any more is named too', async (t) => {
  t.same(compareVariables('HOST=\n#SMTP_URL=\n#OLD=1\n', readers), ['.env.example names OLD, which nothing reads'])
})
