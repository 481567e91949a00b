"""Queries compiled: the same answers as graphql-core's executor gives, for a tenth of its work.

The door is `execution.compiled`. A query's selection becomes, once for each document, one Python
function for each type of object in it, which makes an answer's dict of a row (`code`), or the parts
of its JSON where the database writes some of them (`writing`, `texts`, `parts`). What must be waited
for is read level by level, where its field says how for all parents at once (`marks`) in one
statement of the columns that are asked for. `memory` keeps the plans.

Anything out of the ordinary, an error above all, is handed back: the stock executor then answers the
whole operation anew. Without this package everything works as it does with it, but slower.
"""
