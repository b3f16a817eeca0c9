import { createServer } from 'node:http'
import { hash, verify } from '@node-rs/argon2'
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { toNodeHandler } from 'better-auth/node'
import { emailOTP } from 'better-auth/plugins'
import { createTransport } from 'nodemailer'
import pg from 'pg'

// Better Auth as its documents set it up for production: a secret, a base URL, Postgres by a pool, the Node handler.
// Codes are stored hashed, and their mails are not awaited, as the page of the plugin recommends. Off: rate limits, as on
// our side. Passwords are hashed with the parameters of our new hashes.

const { PORT, DATABASE_URL, SMTP_URL, USERS = '0' } = process.env
const argon2 = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }
const mailer = createTransport({ url: SMTP_URL, pool: true })

const options = {
  baseURL: `http://127.0.0.1:${PORT}`,
  secret: 'a secret of the bench with more than 32 characters',
  database: new pg.Pool({ connectionString: DATABASE_URL }),
  rateLimit: { enabled: false },
  emailAndPassword: {
    enabled: true,
    password: {
      hash: (password) => hash(password, argon2),
      verify: ({ hash, password }) => verify(hash, password),
    },
  },
  plugins: [
    emailOTP({
      storeOTP: 'hashed',
      async sendVerificationOTP({ email, otp }) {
        const text = `Your code to reset your password: ${otp}\n\nIf you did not ask for it, ignore this mail.`
        const mail = { from: 'Bank <no-reply@example.com>', to: email, subject: 'Reset your password', text }
        mailer.sendMail(mail).catch((error) => console.error(error))
      },
    }),
  ],
}

await (await getMigrations(options)).runMigrations()
const auth = betterAuth(options)

const { internalAdapter } = await auth.$context
const password = await hash('an old password', argon2)
for (let index = 0; index < Number(USERS); index += 1) {
  const user = await internalAdapter.createUser({
    email: `user.${index}@example.com`,
    name: `User ${index}`,
    emailVerified: true,
  })
  await internalAdapter.linkAccount({ userId: user.id, providerId: 'credential', accountId: user.id, password })
}
createServer(toNodeHandler(auth)).listen(Number(PORT), '127.0.0.1')
