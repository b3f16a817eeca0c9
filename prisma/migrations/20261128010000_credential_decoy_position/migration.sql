-- Keeps the values: each username keeps its decoy.
ALTER TABLE "credential" RENAME COLUMN "lot" TO "decoy_position";
ALTER INDEX "credential_lot_idx" RENAME TO "credential_decoy_position_idx";
