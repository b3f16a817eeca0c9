import type { Database, Transaction } from '../../database.ts'

/** How far a file was taken in. */
export interface Progress {
  records: number
  imported: number
  refused: number
}

export interface KnownImport extends Progress {
  startedAt: Date
  finishedAt: Date | null
}

export interface ImportStore {
  find(fingerprint: string): Promise<KnownImport | undefined>
  /** The last import of another content under the same name. */
  findEarlier(fileName: string, fingerprint: string): Promise<KnownImport | undefined>
  /** Notes that an import begins, or begins anew. */
  begin(file: { fingerprint: string; fileName: string }, at: Date): Promise<void>
  /** Moves an import on. @returns false where it is not where it is thought to be: another process carries it out */
  advance(tx: Transaction, fingerprint: string, from: Progress, to: Progress): Promise<boolean>
  finish(fingerprint: string, at: Date): Promise<void>
}

const columns = { records: true, imported: true, refused: true, startedAt: true, finishedAt: true } as const

export const createImportStore = ({ database }: { database: Database }): ImportStore => ({
  find: (fingerprint) =>
    database.query(
      async (prisma) =>
        (await prisma.customerImport.findUnique({ select: columns, where: { fingerprint } })) ?? undefined,
    ),

  findEarlier: (fileName, fingerprint) =>
    database.query(
      async (prisma) =>
        (await prisma.customerImport.findFirst({
          select: columns,
          where: { fileName, fingerprint: { not: fingerprint } },
          orderBy: { startedAt: 'desc' },
        })) ?? undefined,
    ),

  async begin({ fingerprint, fileName }, startedAt) {
    const begun = { fileName, startedAt, records: 0, imported: 0, refused: 0, finishedAt: null }
    await database.query((prisma) =>
      prisma.customerImport.upsert({
        where: { fingerprint },
        create: { fingerprint, ...begun },
        update: begun,
      }),
    )
  },

  async advance(tx, fingerprint, from, to) {
    const { count } = await tx.customerImport.updateMany({
      where: { fingerprint, finishedAt: null, ...from },
      data: to,
    })
    return count === 1
  },

  async finish(fingerprint, finishedAt) {
    await database.query((prisma) =>
      prisma.customerImport.updateMany({ where: { fingerprint, finishedAt: null }, data: { finishedAt } }),
    )
  },
})
