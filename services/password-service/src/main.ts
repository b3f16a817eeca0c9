import { runService } from '@rekey/platform/run'
import { createApp } from './app.ts'
import { Env } from './config.ts'
import { lowerHashPriority } from './hashing/priority.ts'
import { production } from './production.ts'

await lowerHashPriority()
await runService({ name: 'password-service', env: Env, production, createApp })
