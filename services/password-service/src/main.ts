import { runService } from '@rekey/platform/run'
import { createApp } from './app.ts'
import { Env } from './config.ts'
import { production } from './production.ts'

await runService({ name: 'password-service', env: Env, production, createApp })
