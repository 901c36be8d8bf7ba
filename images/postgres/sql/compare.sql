-- What a restored database has of the rows that sentinel.sql wrote: how many, how many do not follow from the one
-- before, and when the newest was written (seconds since 1970). As JSON.
WITH pairs AS (
  SELECT n, at, proof, lag(n) OVER w AS n_before, lag(proof) OVER w AS before
  FROM sentinel WINDOW w AS (ORDER BY n))
SELECT json_build_object(
  'rows', count(*),
  'wrong', count(*) FILTER (WHERE n_before IS NOT NULL AND (n <> n_before + 1 OR proof <>
    encode(sha256(convert_to(concat_ws('|', before, n, extract(epoch FROM at)), 'UTF8')), 'hex'))),
  'newest', extract(epoch FROM max(at)))
FROM pairs;
