import { defineConfig } from 'prisma/config'

// Read by the Prisma CLI only; the services and scripts/migrate.ts take DATABASE_URL from their own configuration.
export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations', seed: 'node prisma/seed.ts' },
  datasource: { url: process.env.DATABASE_URL ?? '' },
})
