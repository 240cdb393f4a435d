"""An institution's own data: sources, the data dictionary, checks, cohorts and the rows they select.

Listing:  dictionary  what columns there are: declared, inferred, agreed between institutions
          canonical   one Arrow form for all sources, and its hash, the data version
          checks      do the records keep to the dictionary?
          sources     files, tables and frames; `Records`, what an institution holds
          cohort      who is meant: a text, checked, as a closed expression tree (words, literals, expressions)
          rows        the selected records, column by column, for an analysis
          identifiers who is meant by a record, in 128 bits for comparing (spelling, key types, key batches; and
                      linkage keys, where fields hold errors)

Security  Records stay in the process of their institution. No text made here (error, repr) holds a value of a record;
          texts of pyarrow and DuckDB may, so they are never quoted. Inferred categories are values: see `dictionary`.
"""
