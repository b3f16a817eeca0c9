import { smsTable } from './docs/sms-table.ts'

// npm run sms-lengths: prints the length and the segments of every SMS. docs/messages.md has the same table.
console.log(smsTable())
