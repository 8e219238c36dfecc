"""Changes of the tables, in order; ``evidock-gateway migrate`` and every start run them.

There is no way back down: a gateway that has logged statements does not forget tables.
"""
