// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {Fixture} from "./Fixture.sol";
import {FeeToken, ReentrantToken} from "./Tokens.sol";
import {AssetFactory} from "../src/AssetFactory.sol";
import {Ledger} from "../src/Ledger.sol";
import {ShareToken} from "../src/ShareToken.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

contract ShareTokenTest is Fixture {
    uint256 private constant PAYER_KEY = uint256(keccak256("payer"));

    function transfer(address from, address to, uint256 amount) private {
        vm.prank(from);
        token.transfer(to, amount);
    }

    function balanceEquation(uint256 holders) private view {
        uint256 claimable = token.claimable(address(ledger));
        for (uint256 i = 0; i < holders; i++) {
            claimable += token.claimable(member(i));
        }
        uint256 accounted = token.dividendsPaid() + claimable;
        vm.assertLe(accounted, token.dividendsReceived(), "never more than was received");
        vm.assertLe(token.dividendsReceived() - accounted, holders + 1, "at most a unit of dust an account");
    }

    // Dividends

    function test_DividendsGoByShare() public {
        postAndClaim(3);
        dollar.mint(address(this), 600);
        dollar.approve(address(token), 600);
        vm.expectEmit(address(token));
        emit ShareToken.DividendDistributed(address(this), 600, (uint256(600) << 128) / 6e18, 6e18);
        token.distribute(600);
        for (uint256 i = 0; i < 3; i++) {
            // Rounded down: 100 * 2^128 / 10^18 is no whole number.
            vm.assertGe(token.claimable(member(i)) + 1, (i + 1) * 100, "share");
        }
        balanceEquation(3);
    }

    function test_AnybodyClaimsAndTheOwnerIsPaid() public {
        postAndClaim(1);
        distribute(1000);
        distribute(1);
        uint256 due = token.claimable(member(0));
        vm.expectEmit(address(token));
        emit ShareToken.DividendClaimed(member(0), due);
        vm.prank(member(7));
        token.claim(member(0));
        vm.assertEq(dollar.balanceOf(member(0)), due, "paid");
        vm.assertEq(dollar.balanceOf(member(7)), 0, "the caller gets nothing");
        vm.assertEq(token.dividendsPaidTo(member(0)), due, "counted");
        vm.assertEq(token.dividendsPaid(), due, "counted in all");
        vm.assertEq(token.claim(member(0)), 0, "nothing is left");
        vm.assertEq(dollar.balanceOf(member(0)), due, "and nothing more is paid");
    }

    function test_DividendsStayWithWhoHeldTheShares() public {
        postAndClaim(2);
        distribute(3_000_000);
        uint256 due = token.claimable(member(1));
        transfer(member(1), member(2), 2e18);
        vm.assertEq(token.claimable(member(1)), due, "the seller keeps them");
        vm.assertEq(token.claimable(member(2)), 0, "the buyer gets none");
        distribute(3_000_000);
        vm.assertEq(token.claimable(member(1)), due, "later ones are not the seller's");
        vm.assertGe(token.claimable(member(2)) + 1, 2_000_000, "but the buyer's");
    }

    function test_DividendsOfUnclaimedSharesArriveWhole() public {
        Ledger.Claim[] memory first = postAndClaim(1);
        Ledger.Claim[] memory late = claimsOf(3);
        post(late);
        bytes32[][] memory proofs = proofsOf(late);
        distribute(7_000_000);
        transfer(first[0].owner, member(5), 5e17);
        distribute(7_000_000);
        Ledger.Claim[] memory later = claimsOf(2);
        post(later);
        distribute(10_000_000);
        vm.assertGe(token.claimable(address(ledger)) + 1, 12_000_000 + 6_000_000 + 3_000_000, "waiting");
        ledger.claim(late[2], proofs[2]);
        // 3 of 7 shares twice, then 3 of 10.
        vm.assertGe(token.claimable(member(2)) + 1, 3_000_000 + 3_000_000 + 3_000_000, "all of it");
        vm.assertLe(token.claimable(member(2)), 9_000_000, "and no more");
        balanceEquation(6);
    }

    function test_DividendsBeforeAnEpochAreNotItsOwners() public {
        postAndClaim(1);
        distribute(1_000_000);
        Ledger.Claim[] memory claims = claimsOf(2);
        post(claims);
        ledger.claim(claims[1], proofOf(leavesOf(claims), 1));
        vm.assertEq(token.claimable(member(1)), 0, "came after");
    }

    function test_RemainderIsCarriedIntoTheNextDistribution() public {
        postAndClaim(2);
        // One unit at a time over three shares: were each remainder dropped, dust would grow with every distribution.
        for (uint256 i = 0; i < 100; i++) {
            distribute(1);
        }
        vm.assertEq(token.accumulator(), (uint256(100) << 128) / 3e18, "as if distributed at once");
        vm.assertGe(token.claimable(member(0)) + token.claimable(member(1)), 98, "dust stays below one unit an owner");
    }

    function testFuzz_DistributionInPartsEqualsDistributionAtOnce(uint96 a, uint96 b, uint96 c) public {
        uint256[3] memory parts = [uint256(a) / 3 + 1, uint256(b) / 3 + 1, uint256(c) / 3 + 1];
        postAndClaim(3);
        for (uint256 i = 0; i < 3; i++) {
            distribute(parts[i]);
        }
        vm.assertEq(token.accumulator(), ((parts[0] + parts[1] + parts[2]) << 128) / 6e18, "accumulator");
    }

    function testFuzz_TransfersNeverChangeWhatWasEarned(uint96 money, uint256[8] calldata amounts) public {
        postAndClaim(4);
        distribute(bound(money, 1, token.MAX_DIVIDENDS()));
        uint256[4] memory due;
        for (uint256 i = 0; i < 4; i++) {
            due[i] = token.claimable(member(i));
        }
        for (uint256 i = 0; i < amounts.length; i++) {
            address from = member(i % 4);
            transfer(from, member((amounts[i] >> 250) % 4), amounts[i] % (token.balanceOf(from) + 1));
        }
        for (uint256 i = 0; i < 4; i++) {
            vm.assertEq(token.claimable(member(i)), due[i], "unchanged to the unit");
        }
    }

    /// At the edge of both bounds: accumulator * balance exceeds 2^256 by far, and nothing is lost.
    function testFuzz_ArithmeticIsExactAtTheBounds(uint96 first, uint120 more) public {
        AssetFactory.AssetParams memory p = params("extreme");
        p.epochCap = token.MAX_SUPPLY();
        useAsset(p);
        uint256 early = bound(first, 2 ** 95, token.MAX_DIVIDENDS() - 1);
        uint256 late = token.MAX_DIVIDENDS() - early;
        uint256 second = bound(more, 2 ** 119, token.MAX_SUPPLY() - 1e18);

        postAndClaim(1);
        distribute(early);
        vm.assertGe(token.accumulator(), 2 ** 163, "the accumulator is as high as it gets");
        address[] memory owners = new address[](1);
        uint256[] memory amounts = new uint256[](1);
        (owners[0], amounts[0]) = (member(1), second);
        Ledger.Claim[] memory claims = claimsOf(owners, amounts);
        post(claims);
        distribute(late);
        ledger.claim(claims[0], new bytes32[](0));
        transfer(member(1), member(2), second / 2);

        // What member 1 earned, with a division that differs by the remainders of member 0 alone.
        uint256 supply = second + 1e18;
        uint256 whole = late * second / supply;
        vm.assertGe(token.claimable(member(1)) + 1, whole, "not less");
        vm.assertLe(token.claimable(member(1)), whole + 1, "not more");
        vm.assertEq(token.claimable(member(2)), 0, "nothing before");
        balanceEquation(3);
        uint256 paid = token.claim(member(0)) + token.claim(member(1));
        vm.assertEq(token.dividendsPaid(), paid, "paid");
        vm.assertLe(token.MAX_DIVIDENDS() - paid, 2, "the rest is dust");
    }

    function test_MoneyAndSupplyBoundsAreEnforced() public {
        AssetFactory.AssetParams memory p = params("extreme");
        p.epochCap = token.MAX_SUPPLY();
        useAsset(p);
        postAndClaim(1);
        uint256 most = token.MAX_DIVIDENDS();
        distribute(most);
        dollar.mint(address(this), 1);
        dollar.approve(address(token), 1);
        vm.expectRevert(abi.encodeWithSelector(ShareToken.TooManyDividends.selector, 1));
        token.distribute(1);

        Ledger.EpochRoot memory r = epochRoot(claimsOf(1));
        r.total = token.MAX_SUPPLY();
        bytes[] memory signatures = signEpoch(r, 2);
        vm.expectRevert(
            abi.encodeWithSignature(
                "ERC20ExceededSafeSupply(uint256,uint256)", token.MAX_SUPPLY() + 1e18, token.MAX_SUPPLY()
            )
        );
        ledger.postEpoch(r, signatures);
    }

    function test_NoDistributionBeforeThereIsOneWholeShare() public {
        address[] memory owners = new address[](1);
        uint256[] memory amounts = new uint256[](1);
        (owners[0], amounts[0]) = (member(0), 1e18 - 1);
        post(claimsOf(owners, amounts));
        dollar.mint(address(this), 10);
        dollar.approve(address(token), 10);
        vm.expectRevert(abi.encodeWithSelector(ShareToken.SupplyTooSmall.selector, 1e18 - 1));
        token.distribute(10);
        amounts[0] = 1;
        post(claimsOf(owners, amounts));
        token.distribute(10);
    }

    function test_DistributionOfNothingIsRefused() public {
        postAndClaim(1);
        vm.expectRevert(ShareToken.NothingReceived.selector);
        token.distribute(0);
    }

    function test_MoneySentPlainlyIsDistributedByWhoeverCallsSync() public {
        postAndClaim(1);
        dollar.mint(address(token), 1000);
        vm.assertEq(token.claimable(member(0)), 0, "not distributed");
        distribute(500);
        vm.assertEq(token.dividendsReceived(), 500, "not counted as somebody else's payment");
        vm.assertEq(token.claim(member(0)), 499, "paid, all but the dust");
        vm.expectEmit(true, false, false, false, address(token));
        emit ShareToken.DividendDistributed(address(0), 0, 0, 0); // not by the caller, who paid nothing
        vm.prank(member(5));
        vm.assertEq(token.sync(), 1000, "what is not owed to owners");
        vm.assertEq(token.dividendsReceived(), 1500, "counted");
        vm.assertEq(token.claim(member(0)), 1000, "the owner's");
        vm.assertEq(dollar.balanceOf(member(5)), 0, "not the caller's");
        vm.expectRevert(ShareToken.NothingReceived.selector);
        token.sync();
    }

    function test_MoneySentBeforeThereAreSharesWaitsForThem() public {
        dollar.mint(address(token), 1000);
        vm.expectRevert(abi.encodeWithSelector(ShareToken.SupplyTooSmall.selector, 0));
        token.sync();
        postAndClaim(1);
        token.sync();
        vm.assertGe(token.claimable(member(0)), 999, "all of it");
    }

    // Dividends by authorization

    function test_SignedPaymentIsDistributedByAnybody() public {
        postAndClaim(1);
        address payer = vm.addr(PAYER_KEY);
        dollar.mint(payer, 100);
        bytes memory s = signature(PAYER_KEY, receiveDigest(payer, address(token), 100, DEADLINE, "n"));
        vm.prank(member(5));
        vm.assertEq(token.distributeWithAuthorization(payer, 100, 0, DEADLINE, "n", s), 100, "received");
        vm.assertEq(token.dividendsReceived(), 100, "counted");
        vm.assertTrue(dollar.authorizationState(payer, "n"), "used");
    }

    function refusesPayment(address payer, uint256 amount, uint256 validBefore, bytes32 nonce, bytes memory s)
        private
    {
        (bool ok, bytes memory why) = address(token)
            .call(
                abi.encodeCall(token.distributeWithAuthorization, (payer, amount, 0, validBefore, nonce, s))
            );
        vm.assertTrue(!ok && bytes4(why) == ERC3009.ERC3009InvalidSignature.selector, "refused for its signature");
    }

    function test_SignedPaymentCannotBeReplayed() public {
        postAndClaim(1);
        address payer = vm.addr(PAYER_KEY);
        dollar.mint(payer, 1000);
        bytes memory s = signature(PAYER_KEY, receiveDigest(payer, address(token), 100, DEADLINE, "n"));
        token.distributeWithAuthorization(payer, 100, 0, DEADLINE, "n", s);
        vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, payer, bytes32("n")));
        token.distributeWithAuthorization(payer, 100, 0, DEADLINE, "n", s);
        refusesPayment(payer, 100, DEADLINE, "n 2", s);
        refusesPayment(payer, 101, DEADLINE, "n", s);
        refusesPayment(payer, 100, DEADLINE + 1, "n", s);
    }

    function test_SignedPaymentFailsOnAnotherChainAssetOrAfterItsDeadline() public {
        postAndClaim(1);
        address payer = vm.addr(PAYER_KEY);
        dollar.mint(payer, 1000);
        bytes memory s = signature(PAYER_KEY, receiveDigest(payer, address(token), 100, DEADLINE, "n"));
        uint256 chain = block.chainid;
        vm.chainId(chain + 1);
        refusesPayment(payer, 100, DEADLINE, "n", s);
        vm.chainId(chain);
        vm.warp(DEADLINE);
        vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009InvalidAuthorizationTime.selector, 0, DEADLINE));
        token.distributeWithAuthorization(payer, 100, 0, DEADLINE, "n", s);
        vm.warp(DEADLINE - 1);
        useAsset(params("twin"));
        postAndClaim(1);
        refusesPayment(payer, 100, DEADLINE, "n", s);
    }

    // Shares

    function test_OnlyTheLedgerMintsAndReleases() public {
        vm.expectRevert(abi.encodeWithSelector(ShareToken.NotLedger.selector, address(this)));
        token.mint(1);
        vm.expectRevert(abi.encodeWithSelector(ShareToken.NotLedger.selector, address(this)));
        token.release(address(this), 1, 0);
    }

    function test_ReleaseRefusesTheZeroAddressTheLedgerAndTheFuture() public {
        post(claimsOf(1));
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(0)));
        vm.prank(address(ledger));
        token.release(address(0), 1, 0);
        vm.expectRevert(ShareToken.TransferToLedger.selector);
        vm.prank(address(ledger));
        token.release(address(ledger), 1, 0);
        vm.expectRevert(abi.encodeWithSelector(ShareToken.AccumulatorAhead.selector, 1, 0));
        vm.prank(address(ledger));
        token.release(member(0), 1, 1);
    }

    function test_SharesCannotBeSentToTheLedger() public {
        postAndClaim(1);
        vm.expectRevert(ShareToken.TransferToLedger.selector);
        vm.prank(member(0));
        token.transfer(address(ledger), 1);
    }

    function test_NobodyClaimsTheDividendsThatWaitInTheLedger() public {
        post(claimsOf(1));
        distribute(100);
        vm.assertGe(token.claimable(address(ledger)), 99, "they wait");
        vm.expectRevert(ShareToken.LedgerCannotClaim.selector);
        token.claim(address(ledger));
    }

    function test_ReleaseIsAnnouncedToIndexers() public {
        Ledger.Claim[] memory claims = claimsOf(1);
        post(claims);
        vm.expectEmit(address(token));
        emit ShareToken.SharesReleased(member(0), 1e18);
        ledger.claim(claims[0], new bytes32[](0));
    }

    // Owners

    function test_OwnersAreCountedWhoeverTheyReceiveFrom() public {
        vm.assertEq(token.holders(), 0, "none");
        Ledger.Claim[] memory claims = claimsOf(3);
        post(claims);
        vm.assertEq(token.holders(), 0, "shares that wait have no owner yet");
        bytes32[][] memory proofs = proofsOf(claims);
        ledger.claim(claims[0], proofs[0]);
        ledger.claimMany(claims, new bytes32[](0));
        vm.assertEq(token.holders(), 3, "by claims");
        postAndClaim(3);
        vm.assertEq(token.holders(), 3, "each once");
        transfer(member(0), member(1), 1);
        vm.assertEq(token.holders(), 3, "a part to an owner");
        transfer(member(0), member(9), 1);
        vm.assertEq(token.holders(), 4, "a part to somebody new");
        transfer(member(9), member(8), 1);
        vm.assertEq(token.holders(), 4, "all to somebody new");
        transfer(member(8), member(0), 1);
        vm.assertEq(token.holders(), 3, "all to an owner");
    }

    function test_TransfersToOneselfAndOfNothingCountNobody() public {
        postAndClaim(2);
        transfer(member(0), member(0), 5e17);
        transfer(member(0), member(0), 1e18);
        transfer(member(0), member(0), 0);
        vm.assertEq(token.holders(), 2, "to oneself");
        transfer(member(0), member(9), 0);
        transfer(member(9), member(0), 0);
        transfer(member(9), member(9), 0);
        vm.assertEq(token.holders(), 2, "of nothing");
        vm.assertEq(token.delegates(member(9)), address(0), "who received nothing has no delegate");
        // A claim that is worth nothing.
        address[] memory owners = new address[](1);
        owners[0] = member(7);
        Ledger.Claim[] memory claims = claimsOf(owners, new uint256[](1));
        post(claims);
        ledger.claimMany(claims, new bytes32[](0));
        vm.assertEq(token.holders(), 2, "a claim of nothing");
    }

    function testFuzz_OwnersAreThoseWithABalance(uint256[16] calldata moves) public {
        postAndClaim(3);
        for (uint256 i = 0; i < moves.length; i++) {
            uint256 r = moves[i];
            address from = member(r % 6);
            uint256 all = token.balanceOf(from);
            // All, nothing or something, also to oneself.
            uint256 amount = (r >> 16) % 3 == 0 ? all : (r >> 16) % 3 == 1 ? 0 : (r >> 32) % (all + 1);
            if ((r >> 8) % 7 == 6) {
                Ledger.Claim[] memory claims = claimsOf(1 + (r >> 24) % 6);
                post(claims);
                ledger.claim(claims[claims.length - 1], proofOf(leavesOf(claims), claims.length - 1));
            } else {
                transfer(from, member((r >> 8) % 7), amount);
            }
            uint256 owners = 0;
            for (uint256 j = 0; j < 7; j++) {
                if (token.balanceOf(member(j)) != 0) owners++;
            }
            vm.assertEq(token.holders(), owners, "owners");
        }
    }

    // Votes

    function test_FirstReceiptDelegatesToOneself() public {
        postAndClaim(2);
        vm.assertEq(token.getVotes(member(1)), 2e18, "votes at once");
        transfer(member(1), member(3), 5e17);
        vm.assertEq(token.getVotes(member(3)), 5e17, "a buyer votes as well");
        vm.assertEq(token.getVotes(member(1)), 15e17, "the seller's votes fall");
    }

    function test_OwnDelegationIsRespected() public {
        postAndClaim(2);
        vm.prank(member(1));
        token.delegate(member(7));
        transfer(member(0), member(1), 1e18);
        vm.assertEq(token.delegates(member(1)), member(7), "still delegated");
        vm.assertEq(token.getVotes(member(7)), 3e18, "receipts count for the delegate");
        vm.prank(member(1));
        token.delegate(address(0));
        transfer(member(1), member(0), 1e18);
        transfer(member(0), member(1), 1e18);
        vm.assertEq(token.delegates(member(1)), address(0), "who opted out while holding stays out");
    }

    function test_LedgerNeverVotes() public {
        post(claimsOf(3));
        vm.assertEq(token.getVotes(address(ledger)), 0, "no votes");
        vm.assertEq(token.delegates(address(ledger)), address(0), "no delegate");
    }

    function test_ClockIsTheTimestamp() public {
        vm.assertEq(token.clock(), block.timestamp, "clock");
        vm.assertEq(token.CLOCK_MODE(), "mode=timestamp", "mode");
        postAndClaim(1);
        uint256 then_ = vm.getBlockTimestamp();
        vm.warp(then_ + 10);
        transfer(member(0), member(1), 4e17);
        vm.warp(then_ + 20);
        vm.assertEq(token.getPastVotes(member(0), then_ + 5), 1e18, "before the transfer");
        vm.assertEq(token.getPastVotes(member(0), then_ + 15), 6e17, "after it");
        vm.assertEq(token.getPastTotalSupply(then_ + 15), 1e18, "supply");
    }

    function test_PermitIsGoodForOneChainContractAndDeadline() public {
        address owner = vm.addr(PAYER_KEY);
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                owner,
                address(this),
                5,
                0,
                DEADLINE
            )
        );
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(PAYER_KEY, typedDigest("Reddit comments", block.chainid, address(token), structHash));
        vm.warp(DEADLINE + 1);
        vm.expectRevert(abi.encodeWithSignature("ERC2612ExpiredSignature(uint256)", DEADLINE));
        token.permit(owner, address(this), 5, DEADLINE, v, r, s);
        vm.warp(DEADLINE);
        uint256 chain = block.chainid;
        vm.chainId(chain + 1);
        refusesPermit(token, owner, v, r, s);
        vm.chainId(chain);
        ShareToken first = token;
        useAsset(params("twin"));
        refusesPermit(token, owner, v, r, s);
        first.permit(owner, address(this), 5, DEADLINE, v, r, s);
        vm.assertEq(first.allowance(owner, address(this)), 5, "allowed");
        refusesPermit(first, owner, v, r, s);
    }

    function refusesPermit(ShareToken t, address owner, uint8 v, bytes32 r, bytes32 s) private {
        (bool ok, bytes memory why) =
            address(t).call(abi.encodeCall(t.permit, (owner, address(this), 5, DEADLINE, v, r, s)));
        vm.assertTrue(!ok && bytes4(why) == bytes4(keccak256("ERC2612InvalidSigner(address,address)")), "wrong signer");
    }

    // Payment tokens that misbehave

    function test_FeeOnTransferTokenIsCreditedWithWhatArrives() public {
        FeeToken fee = new FeeToken();
        AssetFactory.AssetParams memory p = params("fee");
        p.paymentToken = address(fee);
        useAsset(p);
        postAndClaim(2);
        fee.mint(address(this), 1000);
        fee.approve(address(token), 1000);
        vm.assertEq(token.distribute(1000), 900, "received");
        vm.assertEq(token.dividendsReceived(), 900, "counted");
        vm.assertLe(
            token.claimable(member(0)) + token.claimable(member(1)), fee.balanceOf(address(token)), "all can be paid"
        );
        token.claim(member(0));
        token.claim(member(1));
    }

    function reentrantAsset() private returns (ReentrantToken money) {
        money = new ReentrantToken();
        AssetFactory.AssetParams memory p = params("reentrant");
        p.paymentToken = address(money);
        useAsset(p);
        postAndClaim(2);
        money.mint(address(this), 10_000);
        money.approve(address(token), 10_000);
    }

    function test_ReentrantTokenCannotClaimTwice() public {
        ReentrantToken money = reentrantAsset();
        token.distribute(3000);
        uint256 due = token.claimable(member(1));
        money.arm(address(token), abi.encodeCall(token.claim, (member(1))));
        token.claim(member(1));
        guarded(money);
        vm.assertEq(money.balanceOf(member(1)), due, "paid once");
    }

    function test_ReentrantTokenCannotHaveOnePaymentCountedTwice() public {
        ReentrantToken money = reentrantAsset();
        money.mint(address(money), 500);
        money.arm(address(token), abi.encodeCall(token.distribute, (500)));
        token.distribute(3000);
        guarded(money);
        vm.assertEq(token.dividendsReceived(), 3000, "counted once");
    }

    function guarded(ReentrantToken money) private view {
        vm.assertTrue(!money.succeeded(), "the call from within failed");
        vm.assertTrue(
            money.refusal() == ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector, "because of the guard"
        );
    }

    function test_ReentrantTokenCannotSyncInTheMiddleOfADistribution() public {
        ReentrantToken money = reentrantAsset();
        money.arm(address(token), abi.encodeCall(token.sync, ()));
        token.distribute(3000);
        guarded(money);
        vm.assertEq(token.dividendsReceived(), 3000, "counted once");
    }

    function test_OnlyTheLedgerLetsSharesLapseAndNotFromLater() public {
        postAndClaim(2);
        vm.expectRevert(abi.encodeWithSelector(ShareToken.NotLedger.selector, address(this)));
        token.lapse(1, 0);
        uint256 ahead = token.accumulator() + 1;
        vm.prank(address(ledger));
        vm.expectRevert(abi.encodeWithSelector(ShareToken.AccumulatorAhead.selector, ahead, ahead - 1));
        token.lapse(0, ahead);
    }

    function test_ReentrantTokenCannotClaimInTheMiddleOfADistribution() public {
        ReentrantToken money = reentrantAsset();
        token.distribute(3000);
        money.arm(address(token), abi.encodeCall(token.claim, (member(1))));
        token.distribute(3000);
        vm.assertTrue(!money.succeeded(), "the call from within failed");
        vm.assertEq(token.dividendsReceived(), 6000, "counted");
    }
}
