import { test } from 'tap'
import { compareVariables } from './env-example.ts'

const readers = new Map([['notifier', ['SMTP_URL', 'HOST']]])

test('a variable that .env.example lacks is reported with its reader', async (t) => {
  t.same(compareVariables('# Address\n#HOST=127.0.0.1\n', readers), [
    '.env.example lacks SMTP_URL, which notifier reads',
  ])
})

test('a variable that nothing reads is reported', async (t) => {
  t.same(compareVariables('HOST=\n#SMTP_URL=\n#OLD=1\n', readers), ['.env.example has OLD, which nothing reads'])
})
