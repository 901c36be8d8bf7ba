-- Runs at every migration: PostGIS may come to a database long after its tables did.
-- The platform creates the extension; a migration has no right to.
DO $$
BEGIN
  IF to_regtype('geography') IS NOT NULL THEN
    ALTER TABLE public.items ADD COLUMN IF NOT EXISTS place geography(Point, 4326);
    CREATE INDEX IF NOT EXISTS items_place ON public.items USING gist (place);
  END IF;
END
$$;
