"""The FrontPage RPC door (MS-FPSE, MC-FPSEWM): what Office 2000 to 2007, FrontPage and SharePoint Designer speak.

wire        a request: its command line, its parameters, the payload behind them
brackets    parameters in brackets: VECTOR, DICT, METADICT, DOCINFO, folder info
values      single values: INT, BOOLEAN, TIME, the typed values of a METADICT
packets     answers
"""
